use super::{Issuer, MetadataError, boolean, is_web_url, list, read, request, required_list};
use crate::ServiceUrl;
use crate::auth::fields::{self, FieldFault};
use atproto_lexicon::data::Object;
use atproto_lexicon::http::{Bytes, Request, Response};
use http::Uri;
use http::uri::PathAndQuery;

/// What a PDS says of who lets clients in at it (RFC 9728, <https://atproto.com/specs/oauth#server-metadata>).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceMetadata {
    /// The one authorization server.
    pub authorization_server: Issuer,
}

impl ResourceMetadata {
    /// The path of the document.
    pub const PATH: &'static str = "/.well-known/oauth-protected-resource";

    /// The request of a PDS's document.
    pub fn request(pds: &ServiceUrl) -> Request<Bytes> {
        request(pds.join(PathAndQuery::from_static(Self::PATH)))
    }

    /// Reads the response of a PDS.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn read(pds: &ServiceUrl, response: &Response<Bytes>) -> Result<Self, MetadataError> {
        let object = read(response)?;
        let resource = fields::required_text(&object, "resource")?;
        let resource = ServiceUrl::parse(resource).map_err(|_| FieldFault::Malformed("resource"))?;
        if resource != *pds {
            return Err(MetadataError::OtherResource);
        }
        let servers = required_list(&object, "authorization_servers")?;
        let [server] = servers.as_slice() else {
            return Err(MetadataError::AuthorizationServers(servers.len()));
        };
        let server = server.parse().map_err(|_| FieldFault::Malformed("authorization_servers"))?;
        Ok(Self { authorization_server: server })
    }
}

/// What an authorization server says of itself (RFC 8414, <https://atproto.com/specs/oauth#server-metadata>). Having one means that
/// the server keeps every rule of the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerMetadata {
    /// Its name.
    pub issuer: Issuer,
    /// Where the account's user is sent.
    pub authorization_endpoint: Uri,
    /// Where requests of authorization are pushed.
    pub par_endpoint: Uri,
    /// Where tokens come from.
    pub token_endpoint: Uri,
    /// Where tokens are taken back, if anywhere.
    pub revocation_endpoint: Option<Uri>,
    /// The scopes that it knows, `atproto` among them; others may count too.
    pub scopes_supported: Vec<String>,
}

impl ServerMetadata {
    /// The path of the document.
    pub const PATH: &'static str = "/.well-known/oauth-authorization-server";

    /// The request of a server's document.
    pub fn request(issuer: &Issuer) -> Request<Bytes> {
        request(issuer.url().join(PathAndQuery::from_static(Self::PATH)))
    }

    /// Reads the response of a server.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn read(issuer: &Issuer, response: &Response<Bytes>) -> Result<Self, MetadataError> {
        let object = read(response)?;
        if fields::required_text(&object, "issuer")? != issuer.as_str() {
            return Err(MetadataError::OtherIssuer);
        }
        for (field, value) in REQUIRED {
            if !required_list(&object, field)?.contains(value) {
                return Err(MetadataError::Lacks { field, value });
            }
        }
        let algorithms = "token_endpoint_auth_signing_alg_values_supported";
        if required_list(&object, algorithms)?.contains(&"none") {
            return Err(MetadataError::Has { field: algorithms, value: "none" });
        }
        for field in TRUE {
            if boolean(&object, field)? != Some(true) {
                return Err(MetadataError::NotTrue(field));
            }
        }
        let registration = "require_request_uri_registration";
        if boolean(&object, registration)? == Some(false) {
            return Err(MetadataError::False(registration));
        }
        let endpoint = |name| url(&object, name)?.ok_or(FieldFault::Missing(name));
        let scopes = list(&object, "scopes_supported")?.unwrap_or_default();
        Ok(Self {
            issuer: issuer.clone(),
            authorization_endpoint: endpoint("authorization_endpoint")?,
            par_endpoint: endpoint("pushed_authorization_request_endpoint")?,
            token_endpoint: endpoint("token_endpoint")?,
            revocation_endpoint: url(&object, "revocation_endpoint")?,
            scopes_supported: scopes.into_iter().map(str::to_owned).collect(),
        })
    }
}

/// What lists have to have.
const REQUIRED: &[(&str, &str)] = &[
    ("response_types_supported", "code"),
    ("grant_types_supported", "authorization_code"),
    ("grant_types_supported", "refresh_token"),
    ("code_challenge_methods_supported", "S256"),
    ("token_endpoint_auth_methods_supported", "none"),
    ("token_endpoint_auth_methods_supported", "private_key_jwt"),
    ("token_endpoint_auth_signing_alg_values_supported", "ES256"),
    ("scopes_supported", "atproto"),
    ("dpop_signing_alg_values_supported", "ES256"),
];

/// What has to be true.
const TRUE: &[&str] = &[
    "authorization_response_iss_parameter_supported",
    "require_pushed_authorization_requests",
    "client_id_metadata_document_supported",
];

fn url(object: &Object, name: &'static str) -> Result<Option<Uri>, FieldFault> {
    let text = fields::text(object, name)?;
    let parse =
        |text: &str| text.parse().ok().filter(|_| is_web_url(text)).ok_or(FieldFault::Malformed(name));
    text.map(parse).transpose()
}
