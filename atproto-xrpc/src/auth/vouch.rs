use super::store::Secret;
use crate::error::AuthError;
use atproto_lexicon::http::{MaybeSend, MaybeSync};
use http::header::{AUTHORIZATION, HeaderValue};
use http::{request, response};

/// Vouches for requests. A session does, and [`Anonymous`], which vouches for nobody.
///
/// Each attempt to send a call asks [`authorize`](Self::authorize) and tells [`answered`](Self::answered) what came of it.
pub trait Auth: MaybeSync {
    /// What a request was vouched for with.
    type Proof: MaybeSend;

    /// Adds what vouches for a request.
    ///
    /// # Errors
    /// [`AuthError`]; nothing is sent then.
    fn authorize(
        &self,
        request: &mut request::Parts,
    ) -> impl Future<Output = Result<Self::Proof, AuthError>> + MaybeSend;

    /// Looks at a response; `error` is the name of its error. Says whether to send the request again, which the server must have
    /// said that it did not act on: with a newer token, for example, which is there when this is ready.
    ///
    /// # Errors
    /// [`AuthError`], which is then what the call ends with.
    fn answered(
        &self,
        proof: Self::Proof,
        response: &response::Parts,
        error: Option<&str>,
    ) -> impl Future<Output = Result<bool, AuthError>> + MaybeSend;
}

/// Nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anonymous;

impl Auth for Anonymous {
    type Proof = ();

    async fn authorize(&self, _: &mut request::Parts) -> Result<(), AuthError> {
        Ok(())
    }

    async fn answered(&self, (): (), _: &response::Parts, _: Option<&str>) -> Result<bool, AuthError> {
        Ok(false)
    }
}

/// The value of `Authorization` that never changes: a token of another service, or an administrator's password.
#[derive(Debug, Clone)]
pub struct Fixed(HeaderValue);

impl Fixed {
    /// A bearer token; `None` where it has characters that no token has.
    pub fn bearer(token: &Secret) -> Option<Self> {
        sensitive(&format!("Bearer {}", token.expose())).map(Self)
    }

    /// The administrator of a server (<https://atproto.com/specs/xrpc#admin-token-temporary-specification>).
    pub fn admin(password: &Secret) -> Self {
        let text = data_encoding::BASE64.encode(format!("admin:{}", password.expose()).as_bytes());
        // Base64 has no character that a header cannot have.
        Self(sensitive(&format!("Basic {text}")).unwrap_or(HeaderValue::from_static("Basic")))
    }
}

impl Auth for Fixed {
    type Proof = ();

    async fn authorize(&self, request: &mut request::Parts) -> Result<(), AuthError> {
        request.headers.insert(AUTHORIZATION, self.0.clone());
        Ok(())
    }

    async fn answered(&self, (): (), _: &response::Parts, _: Option<&str>) -> Result<bool, AuthError> {
        Ok(false)
    }
}

/// A header's value that is not shown.
pub(super) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
