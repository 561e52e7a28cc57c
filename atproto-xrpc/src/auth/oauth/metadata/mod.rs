//! What servers and clients publish of themselves.

mod client;
mod issuer;
mod server;

pub use client::{ApplicationType, ClientAuthentication, ClientMetadata, ClientMetadataFault, PublicKeys};
pub use issuer::{InvalidIssuer, Issuer};
pub use server::{ResourceMetadata, ServerMetadata};

use crate::auth::fields::{self, FieldFault};
use atproto_lexicon::data::{Object, Value};
use atproto_lexicon::http::{Bytes, Request, Response};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{StatusCode, Uri};

/// The most bytes of a document, and of any answer of an authorization server.
pub(super) const MAX_DOCUMENT: usize = 65_536;

/// Why a document is not what AT Protocol's profile of OAuth asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The status is not 200. A redirect is among what gives this: it is not followed.
    #[error("metadata: status {0}")]
    Status(u16),
    /// The media type is not `application/json`.
    #[error("metadata is not application/json")]
    ContentType,
    /// No JSON object, more than 65,536 bytes, or with a key twice.
    #[error("metadata is no JSON object")]
    NotObject,
    /// A field is missing or malformed.
    #[error("metadata: {0}")]
    Field(#[from] FieldFault),
    /// `authorization_servers` has so many entries, and has to have one.
    #[error("metadata names {0} authorization servers")]
    AuthorizationServers(usize),
    /// `resource` is another server than the one that was asked.
    #[error("metadata is of another resource")]
    OtherResource,
    /// `issuer` is another server than the one that was asked.
    #[error("metadata is of another issuer")]
    OtherIssuer,
    /// A list does not have what it has to have.
    #[error("{field} has no {value}")]
    Lacks {
        /// The list.
        field: &'static str,
        /// What it lacks.
        value: &'static str,
    },
    /// A list has what it must not have.
    #[error("{field} has {value}")]
    Has {
        /// The list.
        field: &'static str,
        /// What it has.
        value: &'static str,
    },
    /// It is not `true` and has to be.
    #[error("{0} is not true")]
    NotTrue(&'static str),
    /// It is `false` and must not be.
    #[error("{0} is false")]
    False(&'static str),
}

/// The request of a document.
fn request(uri: Uri) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri;
    request.headers_mut().insert(ACCEPT, http::HeaderValue::from_static("application/json"));
    request
}

/// The object of a response that is a document: of status 200 and no other.
fn read(response: &Response<Bytes>) -> Result<Object, MetadataError> {
    if response.status() != StatusCode::OK {
        return Err(MetadataError::Status(response.status().as_u16()));
    }
    if !is_json(response) {
        return Err(MetadataError::ContentType);
    }
    fields::object(response.body(), MAX_DOCUMENT).ok_or(MetadataError::NotObject)
}

pub(super) fn is_json(response: &Response<Bytes>) -> bool {
    let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// A list of texts.
fn list<'a>(object: &'a Object, name: &'static str) -> Result<Option<Vec<&'a str>>, FieldFault> {
    fields::optional(object, name, |value| match value {
        Value::Array(values) => values.iter().map(Value::as_str).collect(),
        _ => None,
    })
}

fn required_list<'a>(object: &'a Object, name: &'static str) -> Result<Vec<&'a str>, FieldFault> {
    list(object, name)?.ok_or(FieldFault::Missing(name))
}

fn boolean(object: &Object, name: &'static str) -> Result<Option<bool>, FieldFault> {
    fields::optional(object, name, |value| match value {
        Value::Boolean(value) => Some(*value),
        _ => None,
    })
}

/// An absolute URL that is spoken to encrypted, or is on this machine; without a user's name or a fragment.
fn is_web_url(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let is_reached = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => issuer::is_loopback(host),
        _ => false,
    };
    is_reached && !host.is_empty() && !text.contains(['#', '@'])
}
