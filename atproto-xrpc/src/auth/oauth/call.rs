use super::answer;
use super::assertion::{ASSERTION_TYPE, ClientKey, client_assertion};
use super::dpop::{DpopKey, DpopProof};
use super::metadata::{Issuer, MAX_DOCUMENT, is_json};
use crate::auth::Secret;
use crate::auth::fields::{self, FieldFault};
use crate::auth::vouch::sensitive;
use crate::random::Random;
use atproto_lexicon::data::Object;
use atproto_lexicon::http::{Bytes, Request, Response};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};
use std::fmt;

/// The header of a proof.
pub(super) const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// The greatest length of a nonce that is kept, in bytes.
const MAX_NONCE: usize = 1024;
/// The greatest length of what a server says of an error, in bytes.
const MAX_TEXT: usize = 512;
/// The error by which a server asks for a nonce.
pub(super) const USE_NONCE: &str = "use_dpop_nonce";

/// A request to an authorization server, which may have to be sent twice: as it is, and with the nonce that the server wants
/// (<https://atproto.com/specs/oauth#demonstrating-proof-of-possession-dpop>).
///
/// Each time that [`request`](Self::request) makes is another one, with a proof and an assertion of its own.
#[derive(Clone)]
pub struct ServerCall<T> {
    endpoint: Uri,
    form: Vec<(&'static str, Secret)>,
    client_id: String,
    issuer: Issuer,
    client_key: Option<ClientKey>,
    key: DpopKey,
    nonce: Option<String>,
    /// Whether an answer without a nonce is refused.
    demands_nonce: bool,
    is_second: bool,
    read: fn(Option<&Object>) -> Result<T, CallError>,
}

/// What an authorization server's response means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// The request has to be made and sent once more.
    Again,
    /// This is the answer.
    Done(T),
}

/// Why an authorization server's response is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The server says no.
    #[error("refused with status {status}, {}", .error.as_deref().unwrap_or("for no reason that is given"))]
    Refused {
        /// The status.
        status: u16,
        /// Which error it is, such as `invalid_grant`.
        error: Option<String>,
        /// What the server says to people.
        description: Option<String>,
    },
    /// The server wants another nonce, and has been given the one that it named; or it names none.
    #[error("the server takes no nonce that it gives")]
    Nonce,
    /// The server gives no nonce, which every server has to.
    #[error("the server gives no nonce")]
    NoNonce,
    /// The answer is no JSON object.
    #[error("the answer is no JSON object")]
    NotObject,
    /// A field of the answer is missing or malformed.
    #[error("the answer: {0}")]
    Field(#[from] FieldFault),
    /// `token_type` is not `DPoP`.
    #[error("the tokens are not bound to a key")]
    TokenType,
    /// `scope` has no `atproto`.
    #[error("the scope has no atproto")]
    Scope,
}

impl CallError {
    /// Which error the server says, such as `invalid_grant`.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Refused { error, .. } => error.as_deref(),
            _ => None,
        }
    }
}

/// Shows no token.
impl<T> fmt::Debug for ServerCall<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCall").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Who calls, and with what.
pub(super) struct Caller<'a> {
    pub(super) client_id: &'a str,
    pub(super) client_key: Option<&'a ClientKey>,
    pub(super) issuer: &'a Issuer,
    pub(super) key: &'a DpopKey,
    pub(super) nonce: Option<&'a str>,
}

impl<T> ServerCall<T> {
    pub(super) fn new(
        caller: &Caller<'_>,
        endpoint: &Uri,
        form: Vec<(&'static str, Secret)>,
        demands_nonce: bool,
        read: fn(Option<&Object>) -> Result<T, CallError>,
    ) -> Self {
        Self {
            endpoint: endpoint.clone(),
            form,
            client_id: caller.client_id.to_owned(),
            issuer: caller.issuer.clone(),
            client_key: caller.client_key.cloned(),
            key: caller.key.clone(),
            nonce: caller.nonce.map(str::to_owned),
            demands_nonce,
            is_second: false,
            read,
        }
    }

    /// The request to send at `now`, in seconds since 1970.
    pub fn request(&self, now: u64, random: &(impl Random + ?Sized)) -> Request<Bytes> {
        let mut form: Vec<(&str, &str)> = vec![("client_id", &self.client_id)];
        form.extend(self.form.iter().map(|(name, value)| (*name, value.expose())));
        let assertion = self.client_key.as_ref().map(|key| {
            let issuer = self.issuer.as_str();
            let Ok(assertion) = client_assertion(&key.key, &key.id, &self.client_id, issuer, now, random);
            assertion
        });
        if let Some(assertion) = &assertion {
            form.extend([("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)]);
        }
        // Pairs of texts are always a form.
        let body = serde_html_form::to_string(&form).unwrap_or_default();
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        let (uri, nonce) = (&self.endpoint, self.nonce.as_deref());
        let proof = DpopProof { method: &Method::POST, uri, access_token: None, nonce, now };
        let Ok(proof) = proof.sign(&self.key, random);
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(proof) = sensitive(&proof) {
            headers.insert(DPOP, proof);
        }
        request
    }

    /// Reads the response to the request made last.
    ///
    /// # Errors
    /// [`CallError`]; the call is over then.
    pub fn answer(&mut self, response: &Response<Bytes>) -> Result<Answer<T>, CallError> {
        let nonce = nonce_of(response.headers());
        let has_nonce = nonce.is_some();
        self.nonce = nonce.or(self.nonce.take());
        let object = is_json(response).then(|| answer::read(response.body(), MAX_DOCUMENT)).flatten();
        if !matches!(response.status(), StatusCode::OK | StatusCode::CREATED) {
            let error = refused(response.status(), object.as_ref());
            if response.status() == StatusCode::BAD_REQUEST && error.name() == Some(USE_NONCE) {
                // A server that is never content is not asked for ever.
                if self.is_second || !has_nonce {
                    return Err(CallError::Nonce);
                }
                self.is_second = true;
                return Ok(Answer::Again);
            }
            return Err(error);
        }
        if self.demands_nonce && !has_nonce {
            return Err(CallError::NoNonce);
        }
        (self.read)(object.as_ref()).map(Answer::Done)
    }

    /// What the server wants to see in the next proof, of this call or another.
    pub fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }
}

/// The nonce of a response.
pub(super) fn nonce_of(headers: &HeaderMap) -> Option<String> {
    let nonce = headers.get(DPOP_NONCE)?.to_str().ok()?;
    // RFC 9449, section 8.1.
    let allowed = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    (!nonce.is_empty() && nonce.len() <= MAX_NONCE && nonce.bytes().all(allowed)).then(|| nonce.to_owned())
}

fn refused(status: StatusCode, object: Option<&Object>) -> CallError {
    let text = |name| {
        let text = object.and_then(|object| fields::text(object, name).ok().flatten());
        text.map(shown)
    };
    CallError::Refused {
        status: status.as_u16(),
        error: text("error"),
        description: text("error_description"),
    }
}

/// What a server says, as it can be shown: not without end, and without what a terminal obeys.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars().filter(|character| !character.is_control()) {
        if shown.len().saturating_add(character.len_utf8()) > MAX_TEXT {
            break;
        }
        shown.push(character);
    }
    shown
}
