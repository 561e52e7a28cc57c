//! Outputs as responses, without IO.

use super::error::ServeError;
use super::limit::Taken;
use super::read::{is_of, media_type_of};
use atproto_lexicon::http::{Body, Bytes, Response};
use atproto_lexicon::typed::Endpoint;
use http::header::{
    CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use serde::Serialize;

/// An output, with headers beside it such as `atproto-repo-rev`. A handler that has none gives the output alone.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    output: T,
    headers: HeaderMap,
}

impl<T> Answer<T> {
    /// An output without headers.
    pub fn new(output: T) -> Self {
        Self { output, headers: HeaderMap::new() }
    }

    /// With another header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With the headers of a rate limit.
    #[must_use]
    pub fn with_rate_limit(mut self, taken: &Taken) -> Self {
        taken.rate_limit.write(&mut self.headers);
        self
    }
}

impl<T> From<T> for Answer<T> {
    fn from(output: T) -> Self {
        Self::new(output)
    }
}

/// The response of an endpoint whose output is JSON, or which has none.
///
/// # Errors
/// [`ServeError::Internal`] where the output has no JSON form.
pub fn write_output<E>(answer: Answer<E::Output>) -> Result<Response<Bytes>, ServeError>
where
    E: Endpoint,
    E::Output: Serialize,
{
    let Answer { output, mut headers } = answer;
    let mut body = Bytes::new();
    if E::OUTPUT.is_some() {
        body = serde_json::to_vec(&output)?.into();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    Ok(response)
}

/// Bytes of a media type that an endpoint answers: a blob, or a CAR file. They are sent as they come.
///
/// A browser that is shown the URL neither guesses another type nor runs what is in them: blobs are made by strangers.
#[derive(Debug)]
pub struct Download<B = Bytes> {
    media_type: Box<str>,
    length: Option<u64>,
    body: B,
    headers: HeaderMap,
}

impl<B: Body> Download<B> {
    /// Of a media type such as `image/png`, which has to be of the endpoint's.
    pub fn new(media_type: &str, body: B) -> Self {
        Self { media_type: media_type.into(), length: None, body, headers: HeaderMap::new() }
    }

    /// A CAR file (`application/vnd.ipld.car`).
    pub fn car(body: B) -> Self {
        Self::new("application/vnd.ipld.car", body)
    }

    /// Of so many bytes in all, where that is known before. A body that ends earlier breaks the connection, so that it is not taken
    /// for the whole.
    #[must_use]
    pub fn with_length(mut self, length: u64) -> Self {
        self.length = Some(length);
        self
    }

    /// With another header, in the place of the one that would be there.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The response of endpoint `E`.
    ///
    /// # Errors
    /// [`ServeError::Internal`] where the media type is none, or not of the endpoint's.
    pub fn into_response<E: Endpoint>(self) -> Result<Response<B>, ServeError> {
        let expected = E::OUTPUT.unwrap_or_default();
        let is_expected =
            media_type_of(&self.media_type).is_some_and(|media_type| is_of(&media_type, expected));
        if !is_expected {
            let cause = format!("an answer of type {:?} where {expected:?} is expected", self.media_type);
            return Err(ServeError::internal(cause));
        }
        let mut response = Response::new(self.body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(&self.media_type)?);
        headers.extend(self.length.map(|length| (CONTENT_LENGTH, HeaderValue::from(length))));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
        headers.extend(self.headers);
        Ok(response)
    }
}
