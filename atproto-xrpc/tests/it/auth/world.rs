//! An account, its PDS and the server that speaks for it, which hold a client to every rule; each can be made to break one.

use crate::net::{Net, START, Says, json};
use atproto_crypto::{Curve, SecretKey};
use atproto_identity::Directory;
use atproto_identity::dns::NoDns;
use atproto_lexicon::http::{Bytes, Request};
use atproto_lexicon::syntax::Did;
use atproto_xrpc::auth::oauth::{
    ClientKey, DpopError, DpopVerifier, LoginAt, MemoryOAuthStore, OAuthClient, OAuthError, OAuthSession,
    OAuthSessionData, OAuthStore, Parts, PendingAuthorization, PkceVerifier, Registration,
};
use serde_json::{Value as Json, json};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub const DID: &str = "did:web:alice.example.com";
pub const PDS: &str = "https://pds.example.com";
pub const ISSUER: &str = "https://auth.example.com";
pub const CLIENT: &str = "https://app.example.com/client-metadata.json";
pub const REDIRECT: &str = "https://app.example.com/callback";
pub const RESOURCE_METADATA: &str = "https://pds.example.com/.well-known/oauth-protected-resource";
pub const SERVER_METADATA: &str = "https://auth.example.com/.well-known/oauth-authorization-server";
pub const TOKEN: &str = "https://auth.example.com/token";

/// Comes back at the second poll.
async fn pause() {
    let mut is_back = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut is_back, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// A store that has to be waited for, and may fail.
#[derive(Debug, Default)]
pub struct Store {
    kept: MemoryOAuthStore,
    /// How often it saves before it fails once.
    pub saves_before_failure: Mutex<Option<u32>>,
}

impl OAuthStore for Store {
    type Error = std::io::Error;

    async fn put_pending(&self, pending: &PendingAuthorization) -> std::io::Result<()> {
        self.kept.put_pending(pending).await.map_err(|never| match never {})
    }

    async fn take_pending(&self, state: &str) -> std::io::Result<Option<PendingAuthorization>> {
        self.kept.take_pending(state).await.map_err(|never| match never {})
    }

    async fn load(&self, did: &Did) -> std::io::Result<Option<OAuthSessionData>> {
        self.kept.load(did).await.map_err(|never| match never {})
    }

    async fn save(&self, session: &OAuthSessionData) -> std::io::Result<()> {
        let fails = {
            let mut left = self.saves_before_failure.lock().unwrap();
            let fails = *left == Some(0);
            *left = left.and_then(|left| left.checked_sub(1));
            fails
        };
        if fails {
            return Err(std::io::Error::other("no room"));
        }
        pause().await;
        let done = self.kept.save(session).await;
        pause().await;
        done.map_err(|never| match never {})
    }

    async fn clear(&self, did: &Did) -> std::io::Result<()> {
        pause().await;
        let done = self.kept.clear(did).await;
        pause().await;
        done.map_err(|never| match never {})
    }
}

pub type Client = OAuthClient<Parts<Net, Directory<Net, NoDns, Net>, Net, Counted, Arc<Store>>>;
pub type Session = OAuthSession<Parts<Net, Directory<Net, NoDns, Net>, Net, Counted, Arc<Store>>>;

/// Bytes that never come twice.
pub struct Counted(AtomicU64);

impl atproto_xrpc::random::Random for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(1);
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes[..8].copy_from_slice(&number);
    }
}

pub struct Server {
    /// What a URL says instead of what it should.
    pub says: HashMap<String, Says>,
    /// Fields of the answer with tokens that are other ones; null takes a field away.
    pub fields: Json,
    /// The number of the nonce that counts.
    pub nonce: u32,
    /// No nonce counts, ever.
    pub is_never_content: bool,
    /// Answers come without a nonce.
    pub gives_no_nonce: bool,
    /// The number of the last tokens; access tokens below `expired` have expired.
    pub issued: u32,
    pub expired: u32,
    /// Refresh tokens that were sent.
    pub used: HashSet<String>,
    pub revoked: Vec<String>,
    /// The last form that was pushed.
    pub pushed: HashMap<String, String>,
    /// The names of proofs and assertions.
    seen: HashSet<String>,
    /// The name of the key of the session.
    key: Option<String>,
    /// The key of a confidential client.
    pub client_key: Option<atproto_crypto::PublicKey>,
}

#[derive(Clone)]
pub struct World {
    pub net: Net,
    pub server: Arc<Mutex<Server>>,
    pub store: Arc<Store>,
}

pub fn document(pds: &str) -> Says {
    let service = json!({"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": pds});
    let document = json!({"id": DID, "alsoKnownAs": ["at://alice.example.com"], "service": [service]});
    json(200, &document.to_string())
}

pub fn resource_metadata() -> Json {
    json!({"resource": PDS, "authorization_servers": [ISSUER]})
}

pub fn server_metadata() -> Json {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://auth.example.com/authorize",
        "token_endpoint": TOKEN,
        "pushed_authorization_request_endpoint": "https://auth.example.com/par",
        "revocation_endpoint": "https://auth.example.com/revoke",
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["atproto", "transition:generic"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "authorization_response_iss_parameter_supported": true,
        "require_pushed_authorization_requests": true,
        "client_id_metadata_document_supported": true,
    })
}

impl World {
    pub fn new() -> Self {
        let server = Arc::new(Mutex::new(Server {
            says: HashMap::new(),
            fields: json!({}),
            nonce: 1,
            is_never_content: false,
            gives_no_nonce: false,
            issued: 0,
            expired: 0,
            used: HashSet::new(),
            revoked: Vec::new(),
            pushed: HashMap::new(),
            seen: HashSet::new(),
            key: None,
            client_key: None,
        }));
        let shared = server.clone();
        let net = Net::new(move |request| shared.lock().unwrap().answer(request));
        Self { net, server, store: Arc::default() }
    }

    pub fn lock(&self) -> std::sync::MutexGuard<'_, Server> {
        self.server.lock().unwrap()
    }

    pub fn says(&self, url: &str, says: Says) {
        self.lock().says.insert(url.to_owned(), says);
    }

    pub fn registration(&self) -> Registration {
        Registration::new(CLIENT, REDIRECT, "atproto repo:com.example.note".parse().unwrap())
    }

    /// A client like one of another run of the program.
    pub fn client(&self) -> Client {
        self.client_of(self.registration())
    }

    pub fn client_of(&self, registration: Registration) -> Client {
        static RUNS: AtomicU64 = AtomicU64::new(1);
        let (http, clock, store) = (self.net.clone(), self.net.clone(), self.store.clone());
        let identities = Directory::new(self.net.clone(), NoDns, self.net.clone());
        let random = Counted(AtomicU64::new(RUNS.fetch_add(1_000_000, Ordering::Relaxed)));
        OAuthClient::new(Parts { http, identities, clock, random, store }, registration)
    }

    pub fn authorize(&self, client: &Client, at: LoginAt) -> Result<String, OAuthError> {
        let client = client.clone();
        self.net.run(async move { client.authorize(&at).await.map(|authorization| authorization.url) })
    }

    pub fn callback(&self, client: &Client, query: &str) -> Result<Session, OAuthError> {
        let (client, query) = (client.clone(), query.to_owned());
        // The browser is the one that was sent away last.
        let state = self.lock().pushed.get("state").cloned().unwrap_or_default().into();
        self.net.run(async move { client.callback(&query, &state).await })
    }

    /// The query with which the user comes back.
    pub fn query(&self) -> String {
        format!("state={}&iss=https%3A%2F%2Fauth.example.com&code=the-code", self.lock().pushed["state"])
    }

    pub fn log_in(&self, client: &Client) -> Result<Session, OAuthError> {
        self.authorize(client, account())?;
        self.callback(client, &self.query())
    }

    pub fn restore(&self, client: &Client) -> Option<Session> {
        let client = client.clone();
        self.net.run(async move { client.restore(&did()).await.unwrap() })
    }

    pub fn confidential(&self) -> Registration {
        let key = SecretKey::from_bytes(Curve::P256, &[9; 32]).unwrap();
        self.lock().client_key = Some(key.public_key());
        self.registration().with_key(ClientKey { id: "key-1".to_owned(), key })
    }

    /// The URLs that were asked since the last time, without their queries.
    pub fn asked(&self) -> Vec<String> {
        let url = |request: &Request<Bytes>| request.uri().to_string().split('?').next().unwrap().to_owned();
        self.net.asked().iter().map(url).collect()
    }
}

pub fn did() -> Did {
    DID.parse().unwrap()
}

pub fn account() -> LoginAt {
    LoginAt::Account("alice.example.com".parse().unwrap())
}

pub fn form(body: &[u8]) -> HashMap<String, String> {
    let pairs: Vec<(String, String)> = serde_html_form::from_bytes(body).unwrap();
    let names: HashSet<_> = pairs.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names.len(), pairs.len(), "a field occurs twice");
    pairs.into_iter().collect()
}

impl Server {
    fn answer(&mut self, request: &Request<Bytes>) -> Says {
        let url = request.uri().to_string();
        let url = url.split('?').next().unwrap();
        if let Some(says) = self.says.get(url) {
            return says.clone();
        }
        match url {
            "https://alice.example.com/.well-known/atproto-did" => json(200, DID),
            "https://alice.example.com/.well-known/did.json" => document(PDS),
            RESOURCE_METADATA => json(200, &resource_metadata().to_string()),
            SERVER_METADATA => json(200, &server_metadata().to_string()),
            "https://auth.example.com/par" | TOKEN | "https://auth.example.com/revoke" => {
                let says = match self.check(request, None) {
                    Ok(key) => self.call(url, request, &key),
                    Err(DpopError::Nonce) => json(400, r#"{"error":"use_dpop_nonce"}"#),
                    Err(error) => panic!("{error}"),
                };
                self.with_nonce(says)
            }
            "https://pds.example.com/xrpc/com.atproto.server.getSession" => {
                let says = self.resource(request);
                self.with_nonce(says)
            }
            other => panic!("{other} is asked"),
        }
    }

    fn with_nonce(&self, says: Says) -> Says {
        if self.gives_no_nonce { says } else { says.with("DPoP-Nonce", format!("nonce-{}", self.nonce)) }
    }

    /// Checks the proof of a request, and gives the name of its key.
    fn check(&mut self, request: &Request<Bytes>, token: Option<&str>) -> Result<String, DpopError> {
        let nonce = format!("nonce-{}", self.nonce);
        let nonces: &[&str] = if self.is_never_content { &[] } else { &[&nonce] };
        let verifier = DpopVerifier {
            nonces: (!self.gives_no_nonce).then_some(nonces),
            access_token: token,
            max_age: 200_000,
            ..DpopVerifier::new(request.method(), request.uri())
        };
        let [proof] = request.headers().get_all("dpop").iter().collect::<Vec<_>>()[..] else { panic!() };
        let verified = verifier.verify(proof.to_str().unwrap(), START.as_secs() + 100_000)?;
        assert!(self.seen.insert(verified.id), "a proof is sent twice");
        Ok(verified.thumbprint)
    }

    fn call(&mut self, url: &str, request: &Request<Bytes>, key: &str) -> Says {
        let form = form(request.body());
        assert_eq!(form["client_id"], CLIENT);
        assert!(!form.contains_key("client_secret"));
        self.check_client(&form);
        match url {
            TOKEN => self.tokens(&form, key),
            "https://auth.example.com/par" => {
                assert_eq!(form["response_type"], "code");
                assert_eq!(form["code_challenge_method"], "S256");
                assert_eq!(form["redirect_uri"], REDIRECT);
                self.key = Some(key.to_owned());
                self.pushed = form;
                json(201, r#"{"request_uri":"urn:ietf:params:oauth:request_uri:a&b","expires_in":300}"#)
            }
            _ => {
                self.revoked.push(form["token"].clone());
                Says::Is(200, Vec::new(), Vec::new())
            }
        }
    }

    fn tokens(&mut self, form: &HashMap<String, String>, key: &str) -> Says {
        let newest = format!("refresh-{}", self.issued);
        if self.key.as_deref() != Some(key) {
            // A session that was on its way when another one took its place.
            assert_eq!(form["grant_type"], "refresh_token", "another key than the session's");
            assert_ne!(form["refresh_token"], newest, "another key than the session's");
            return json(400, r#"{"error":"invalid_grant"}"#);
        }
        if form["grant_type"] == "refresh_token" {
            let token = &form["refresh_token"];
            assert_eq!(*token, newest);
            assert!(self.used.insert(token.clone()), "a refresh token is sent twice");
        } else {
            assert_eq!(form["grant_type"], "authorization_code");
            assert_eq!((&*form["code"], &*form["redirect_uri"]), ("the-code", REDIRECT));
            let verifier = PkceVerifier::parse(&form["code_verifier"]).unwrap();
            assert_eq!(verifier.challenge(), self.pushed["code_challenge"]);
        }
        self.issued += 1;
        let mut answer = json!({
            "access_token": format!("access-{}", self.issued),
            "refresh_token": format!("refresh-{}", self.issued),
            "token_type": "DPoP",
            "expires_in": 600,
            "scope": "atproto repo:com.example.note",
            "sub": DID,
        });
        for (name, value) in self.fields.as_object().unwrap() {
            answer[name] = value.clone();
        }
        answer.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        json(200, &answer.to_string())
    }

    fn check_client(&mut self, form: &HashMap<String, String>) {
        let Some(key) = &self.client_key else {
            assert!(!form.contains_key("client_assertion"));
            return;
        };
        assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        let (signed, signature) = form["client_assertion"].rsplit_once('.').unwrap();
        let decode = |text: &str| data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
        key.verify(signed.as_bytes(), &decode(signature)).unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let header: Json = serde_json::from_slice(&decode(header)).unwrap();
        let claims: Json = serde_json::from_slice(&decode(claims)).unwrap();
        assert_eq!((&header["alg"], &header["kid"]), (&json!("ES256"), &json!("key-1")));
        assert_eq!(
            (&claims["iss"], &claims["sub"], &claims["aud"]),
            (&json!(CLIENT), &json!(CLIENT), &json!(ISSUER))
        );
        assert!(claims["exp"].as_u64() > claims["iat"].as_u64());
        assert!(self.seen.insert(claims["jti"].as_str().unwrap().to_owned()), "an assertion is sent twice");
    }

    /// A call of the PDS.
    fn resource(&mut self, request: &Request<Bytes>) -> Says {
        let token = request.headers()["authorization"].to_str().unwrap().to_owned();
        let token = token.strip_prefix("DPoP ").unwrap();
        match self.check(request, Some(token)) {
            Ok(key) => assert_eq!(self.key, Some(key)),
            Err(DpopError::Nonce) => {
                let challenge = r#"DPoP error="use_dpop_nonce", error_description="a nonce, please""#;
                return json(401, r#"{"error":"use_dpop_nonce"}"#).with("www-authenticate", challenge);
            }
            Err(error) => panic!("{error}"),
        }
        let number: u32 = token.strip_prefix("access-").unwrap().parse().unwrap();
        if number < self.expired {
            let challenge = r#"DPoP error="invalid_token""#;
            return json(401, r#"{"error":"InvalidToken"}"#).with("www-authenticate", challenge);
        }
        json(200, &format!(r#"{{"did":"{DID}","handle":"alice.example.com"}}"#))
    }
}
