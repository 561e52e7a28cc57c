use super::{boolean, is_web_url, required_list};
use crate::auth::fields::{self, FieldFault};
use crate::auth::percent;
use crate::auth::scope::{ScopeError, ScopeSet};
use atproto_crypto::PublicKey;
use atproto_lexicon::data::{Object, Value};
use http::Uri;
use serde_json::{Value as Json, json};

/// What a client publishes of itself (<https://atproto.com/specs/oauth#client-id-metadata-document>).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientMetadata {
    /// The URL at which this is published; for development, one that begins with `http://localhost`.
    pub client_id: String,
    /// Where the client runs.
    pub application_type: ApplicationType,
    /// Where users are sent back to.
    pub redirect_uris: Vec<String>,
    /// All scopes that it may ask for.
    pub scope: ScopeSet,
    /// Whether it may refresh its tokens.
    pub refreshes: bool,
    /// How it says who it is.
    pub authentication: ClientAuthentication,
    /// Its name, for people.
    pub client_name: Option<String>,
    /// Its home page.
    pub client_uri: Option<String>,
    /// Its logo.
    pub logo_uri: Option<String>,
    /// Its terms.
    pub tos_uri: Option<String>,
    /// What it does with data.
    pub policy_uri: Option<String>,
}

/// Where a client runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplicationType {
    /// On a server or in a browser.
    Web,
    /// On its user's machine.
    Native,
}

/// How a client says who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// Not at all: a public client.
    None,
    /// With a key, by `ES256`: a confidential client.
    PrivateKeyJwt(PublicKeys),
}

/// Where a client's keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKeys {
    /// In the metadata, each with its `kid`.
    Inline(Vec<(String, PublicKey)>),
    /// At a URL.
    At(String),
}

/// Why metadata is not that of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientMetadataFault {
    /// No JSON object, or with a key twice.
    #[error("client metadata is no JSON object")]
    NotObject,
    /// A field is missing or malformed.
    #[error("client metadata: {0}")]
    Field(#[from] FieldFault),
    /// It is published at another URL.
    #[error("client metadata is of another client")]
    OtherClient,
    /// `client_id` is not `https` without a port, nor `http://localhost` with nothing but a query.
    #[error("client_id is no URL of a client")]
    ClientId,
    /// A list does not have what it has to have.
    #[error("{field} has no {value}")]
    Lacks {
        /// The list.
        field: &'static str,
        /// What it lacks.
        value: &'static str,
    },
    /// `dpop_bound_access_tokens` is not true.
    #[error("dpop_bound_access_tokens is not true")]
    NoDpop,
    /// There is no redirect URI.
    #[error("no redirect URI")]
    NoRedirectUri,
    /// A redirect URI is not one that a client of this kind may have.
    #[error("a redirect URI is not of the client")]
    RedirectUri,
    /// `client_uri` is of another host.
    #[error("client_uri is of another host")]
    ClientUri,
    /// A confidential client has to have its keys in one place: in `jwks` or at `jwks_uri`.
    #[error("the keys of a confidential client are in no place, or in two")]
    Keys,
    /// A key shows its secret part.
    #[error("a key shows its secret part")]
    SecretKey,
    /// How the client says who it is is not known, or is forbidden.
    #[error("token_endpoint_auth_method or its algorithm is not supported")]
    Authentication,
    /// The scope cannot be read.
    #[error("{0}")]
    Scope(#[from] ScopeError),
}

impl ClientMetadata {
    /// A public client on the web.
    pub fn public(
        client_id: impl Into<String>,
        redirect_uris: impl IntoIterator<Item = String>,
        scope: ScopeSet,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            application_type: ApplicationType::Web,
            redirect_uris: redirect_uris.into_iter().collect(),
            scope,
            refreshes: true,
            authentication: ClientAuthentication::None,
            client_name: None,
            client_uri: None,
            logo_uri: None,
            tos_uri: None,
            policy_uri: None,
        }
    }

    /// A client on the web that says who it is with one of its keys, each with its `kid`.
    pub fn confidential(
        client_id: impl Into<String>,
        redirect_uris: impl IntoIterator<Item = String>,
        scope: ScopeSet,
        keys: impl IntoIterator<Item = (String, PublicKey)>,
    ) -> Self {
        let keys = PublicKeys::Inline(keys.into_iter().collect());
        Self {
            authentication: ClientAuthentication::PrivateKeyJwt(keys),
            ..Self::public(client_id, redirect_uris, scope)
        }
    }

    /// A client in development, which publishes nothing: what there is to say stands in its `client_id`. The redirect URIs are of
    /// `127.0.0.1` or `[::1]`; their ports do not count (<https://atproto.com/specs/oauth#localhost-client-development>).
    pub fn loopback(redirect_uris: impl IntoIterator<Item = String>, scope: ScopeSet) -> Self {
        let redirect_uris: Vec<String> = redirect_uris.into_iter().collect();
        let fields = redirect_uris.iter().map(|uri| ("redirect_uri", uri.clone()));
        let mut client_id = "http://localhost".to_owned();
        for (at, (name, value)) in fields.chain([("scope", scope.to_string())]).enumerate() {
            client_id.push(if at == 0 { '?' } else { '&' });
            client_id.push_str(name);
            client_id.push('=');
            percent::encode(&mut client_id, &value, |b| b.is_ascii_alphanumeric() || b"-._~:/".contains(&b));
        }
        Self { application_type: ApplicationType::Native, ..Self::public(client_id, redirect_uris, scope) }
    }

    /// The metadata that the `client_id` of a client in development stands for.
    ///
    /// # Errors
    /// [`ClientMetadataFault`].
    pub fn from_loopback_id(client_id: &str) -> Result<Self, ClientMetadataFault> {
        let query = loopback_query(client_id).ok_or(ClientMetadataFault::ClientId)?;
        let fields = percent::decode_form(query).ok_or(ClientMetadataFault::ClientId)?;
        let (mut redirect_uris, mut scope) = (Vec::new(), None);
        for (name, value) in fields {
            match name.as_str() {
                "redirect_uri" => redirect_uris.push(value),
                "scope" if scope.is_none() => scope = Some(value),
                _ => return Err(ClientMetadataFault::ClientId),
            }
        }
        if redirect_uris.is_empty() {
            redirect_uris = ["http://127.0.0.1/", "http://[::1]/"].map(str::to_owned).to_vec();
        }
        let scope = ScopeSet::from_granted(scope.as_deref().unwrap_or("atproto"))?;
        let metadata = Self {
            application_type: ApplicationType::Native,
            ..Self::public(client_id, redirect_uris, scope)
        };
        metadata.check()?;
        Ok(metadata)
    }

    /// Reads what is published at `client_id`, and checks every rule.
    ///
    /// # Errors
    /// [`ClientMetadataFault`].
    pub fn from_json(client_id: &str, json: &[u8]) -> Result<Self, ClientMetadataFault> {
        let object = fields::object(json, super::MAX_DOCUMENT).ok_or(ClientMetadataFault::NotObject)?;
        if fields::required_text(&object, "client_id")? != client_id {
            return Err(ClientMetadataFault::OtherClient);
        }
        let application_type = match fields::text(&object, "application_type")? {
            None | Some("web") => ApplicationType::Web,
            Some("native") => ApplicationType::Native,
            Some(_) => return Err(FieldFault::Malformed("application_type").into()),
        };
        let grants = required_list(&object, "grant_types")?;
        for (field, value, list) in [
            ("grant_types", "authorization_code", &grants),
            ("response_types", "code", &required_list(&object, "response_types")?),
        ] {
            if !list.contains(&value) {
                return Err(ClientMetadataFault::Lacks { field, value });
            }
        }
        if boolean(&object, "dpop_bound_access_tokens")? != Some(true) {
            return Err(ClientMetadataFault::NoDpop);
        }
        let owned = |name| Ok::<_, FieldFault>(fields::text(&object, name)?.map(str::to_owned));
        let redirect_uris = required_list(&object, "redirect_uris")?;
        let metadata = Self {
            client_id: client_id.to_owned(),
            application_type,
            redirect_uris: redirect_uris.into_iter().map(str::to_owned).collect(),
            scope: ScopeSet::from_granted(fields::required_text(&object, "scope")?)?,
            refreshes: grants.contains(&"refresh_token"),
            authentication: read_authentication(&object)?,
            client_name: owned("client_name")?,
            client_uri: owned("client_uri")?,
            logo_uri: owned("logo_uri")?,
            tos_uri: owned("tos_uri")?,
            policy_uri: owned("policy_uri")?,
        };
        metadata.check()?;
        Ok(metadata)
    }

    /// Checks every rule: for metadata that is made, before it is published.
    ///
    /// # Errors
    /// [`ClientMetadataFault`].
    pub fn check(&self) -> Result<(), ClientMetadataFault> {
        let id = ClientUrl::parse(&self.client_id).ok_or(ClientMetadataFault::ClientId)?;
        if !self.scope.has_atproto() {
            return Err(ClientMetadataFault::Lacks { field: "scope", value: "atproto" });
        }
        if self.redirect_uris.is_empty() {
            return Err(ClientMetadataFault::NoRedirectUri);
        }
        if !self.redirect_uris.iter().all(|uri| self.may_redirect_to(&id, uri)) {
            return Err(ClientMetadataFault::RedirectUri);
        }
        if let Some(uri) = &self.client_uri {
            let host = uri.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_ascii_lowercase));
            if !is_web_url(uri) || host.as_deref() != Some(id.host.as_str()) {
                return Err(ClientMetadataFault::ClientUri);
            }
        }
        let shown =
            [("logo_uri", &self.logo_uri), ("tos_uri", &self.tos_uri), ("policy_uri", &self.policy_uri)];
        for (name, uri) in shown {
            if uri.as_deref().is_some_and(|uri| !is_https(uri)) {
                return Err(FieldFault::Malformed(name).into());
            }
        }
        match &self.authentication {
            ClientAuthentication::None => Ok(()),
            // A client in development is a public one.
            ClientAuthentication::PrivateKeyJwt(_) if id.is_loopback => {
                Err(ClientMetadataFault::Authentication)
            }
            ClientAuthentication::PrivateKeyJwt(PublicKeys::Inline(keys)) if keys.is_empty() => {
                Err(ClientMetadataFault::Keys)
            }
            ClientAuthentication::PrivateKeyJwt(PublicKeys::At(uri)) if !is_https(uri) => {
                Err(FieldFault::Malformed("jwks_uri").into())
            }
            ClientAuthentication::PrivateKeyJwt(_) => Ok(()),
        }
    }

    /// The document to publish.
    pub fn to_json(&self) -> Json {
        let mut grants = vec!["authorization_code"];
        if self.refreshes {
            grants.push("refresh_token");
        }
        let mut json = json!({
            "client_id": self.client_id,
            "application_type": match self.application_type {
                ApplicationType::Web => "web",
                ApplicationType::Native => "native",
            },
            "grant_types": grants,
            "response_types": ["code"],
            "redirect_uris": self.redirect_uris,
            "scope": self.scope.to_string(),
            "dpop_bound_access_tokens": true,
        });
        let Json::Object(fields) = &mut json else { return json };
        let mut add = |name: &str, value: Json| fields.insert(name.to_owned(), value);
        match &self.authentication {
            ClientAuthentication::None => {
                add("token_endpoint_auth_method", "none".into());
            }
            ClientAuthentication::PrivateKeyJwt(keys) => {
                add("token_endpoint_auth_method", "private_key_jwt".into());
                add("token_endpoint_auth_signing_alg", "ES256".into());
                match keys {
                    PublicKeys::Inline(keys) => {
                        add("jwks", json!({"keys": keys.iter().map(to_jwk).collect::<Vec<_>>()}))
                    }
                    PublicKeys::At(uri) => add("jwks_uri", uri.clone().into()),
                };
            }
        }
        let texts = [
            ("client_name", &self.client_name),
            ("client_uri", &self.client_uri),
            ("logo_uri", &self.logo_uri),
            ("tos_uri", &self.tos_uri),
            ("policy_uri", &self.policy_uri),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                add(name, text.clone().into());
            }
        }
        json
    }

    fn may_redirect_to(&self, id: &ClientUrl, uri: &str) -> bool {
        if uri.contains('#') {
            return false;
        }
        if id.is_loopback {
            let parsed: Option<Uri> = uri.parse().ok();
            let is_here = |uri: Uri| matches!(uri.host(), Some("127.0.0.1" | "[::1]")) && !uri_has_user(&uri);
            return uri.starts_with("http://") && parsed.is_some_and(is_here);
        }
        if uri.starts_with("https://") {
            let parsed: Option<Uri> = uri.parse().ok();
            // The origin of the client, whose port is the usual one.
            let is_own = |uri: Uri| {
                let host = uri.host().map(str::to_ascii_lowercase);
                host.as_deref() == Some(id.host.as_str()) && uri.port().is_none() && !uri_has_user(&uri)
            };
            return parsed.is_some_and(is_own);
        }
        // An application's own scheme is its host's name in reverse.
        let scheme = id.host.rsplit('.').collect::<Vec<_>>().join(".");
        let rest = uri.strip_prefix(scheme.as_str()).and_then(|rest| rest.strip_prefix(":/"));
        let is_path = |rest: &str| !rest.starts_with('/') && rest.bytes().all(|b| b.is_ascii_graphic());
        self.application_type == ApplicationType::Native && rest.is_some_and(is_path)
    }
}

/// A `client_id` taken apart.
struct ClientUrl {
    /// In lower case.
    host: String,
    is_loopback: bool,
}

impl ClientUrl {
    fn parse(text: &str) -> Option<Self> {
        if loopback_query(text).is_some() {
            return Some(Self { host: "localhost".to_owned(), is_loopback: true });
        }
        let uri: Uri = text.parse().ok()?;
        let host = uri.host()?.to_ascii_lowercase();
        // A name of more than one label, and no address.
        let is_public =
            host.contains('.') && !host.rsplit('.').next()?.starts_with(|c: char| c.is_ascii_digit());
        let is_url = is_https(text) && uri.port().is_none() && is_public && !has_port_colon(&uri);
        is_url.then_some(Self { host, is_loopback: false })
    }
}

/// The query of a `client_id` in development.
fn loopback_query(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("http://localhost")?;
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    if rest.is_empty() { Some("") } else { rest.strip_prefix('?').filter(|query| !query.contains('#')) }
}

fn has_port_colon(uri: &Uri) -> bool {
    uri.authority().is_some_and(|authority| authority.as_str().ends_with(':'))
}

fn uri_has_user(uri: &Uri) -> bool {
    uri.authority().is_some_and(|authority| authority.as_str().contains('@'))
}

fn is_https(text: &str) -> bool {
    text.starts_with("https://") && is_web_url(text)
}

fn read_authentication(object: &Object) -> Result<ClientAuthentication, ClientMetadataFault> {
    if fields::text(object, "token_endpoint_auth_signing_alg")? == Some("none") {
        return Err(ClientMetadataFault::Authentication);
    }
    let keys = fields::optional(object, "jwks", Value::as_object)?;
    let keys = keys.map(read_keys).transpose()?;
    let uri = fields::text(object, "jwks_uri")?.map(str::to_owned);
    match fields::text(object, "token_endpoint_auth_method")? {
        None | Some("none") => Ok(ClientAuthentication::None),
        Some("private_key_jwt") => Ok(ClientAuthentication::PrivateKeyJwt(match (keys, uri) {
            (Some(keys), None) => PublicKeys::Inline(keys),
            (None, Some(uri)) => PublicKeys::At(uri),
            _ => return Err(ClientMetadataFault::Keys),
        })),
        Some(_) => Err(ClientMetadataFault::Authentication),
    }
}

/// The keys that are of a kind that is known, and have a name.
fn read_keys(jwks: &Object) -> Result<Vec<(String, PublicKey)>, ClientMetadataFault> {
    let Some(Value::Array(keys)) = jwks.get("keys") else { return Err(FieldFault::Malformed("jwks").into()) };
    let keys: Vec<&Object> =
        keys.iter().map(Value::as_object).collect::<Option<_>>().ok_or(FieldFault::Malformed("jwks"))?;
    // `d` is secret in keys of every kind, and `k` is in symmetric ones.
    if keys.iter().any(|key| key.contains_key("d") || key.contains_key("k")) {
        return Err(ClientMetadataFault::SecretKey);
    }
    let named = keys.into_iter().filter_map(|key| {
        let id = key.get("kid")?.as_str()?.to_owned();
        Some((id, crate::auth::oauth::dpop::read_key(key).ok()?))
    });
    Ok(named.collect())
}

fn to_jwk((id, key): &(String, PublicKey)) -> Json {
    let jwk = key.to_jwk();
    json!({"kid": id, "kty": jwk.kty, "crv": jwk.crv, "x": jwk.x, "y": jwk.y, "alg": jwk.alg, "use": "sig"})
}
