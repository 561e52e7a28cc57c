//! Responses without IO.

use crate::error::{Error, Malformed, Refused, snippet};
use crate::headers::ReplyHead;
use atproto_lexicon::data::{Limits, Value, json};
use atproto_lexicon::http::{Bytes, Response};
use atproto_lexicon::typed::{Endpoint, from_json};
use serde::de::value::{Error as ValueError, MapDeserializer};
use serde::de::{Deserialize as _, DeserializeOwned};
use std::ops::Deref;

/// What an endpoint answers, with what its headers say.
#[derive(Debug, Clone)]
pub struct Reply<T> {
    /// The answer.
    pub output: T,
    /// Status and headers.
    pub head: ReplyHead,
}

impl<T> Deref for Reply<T> {
    type Target = ReplyHead;

    fn deref(&self) -> &ReplyHead {
        &self.head
    }
}

/// Reads the response to a call of an endpoint whose output is JSON, or which has none.
///
/// # Errors
/// [`Error::Refused`] where the status is no success, [`Error::Malformed`] where the body is not what the endpoint answers.
pub fn read_response<E>(response: Response<Bytes>) -> Result<Reply<E::Output>, Error<E::Error>>
where
    E: Endpoint,
    E::Output: DeserializeOwned,
    E::Error: for<'a> From<&'a str> + AsRef<str>,
{
    let (head, body) = success(response)?;
    read_output::<E>(head, &body)
}

/// Reads the response to a call of an endpoint that is not known at compile time: JSON, or `None` where there is no body.
///
/// # Errors
/// [`Error::Refused`] where the status is no success, [`Error::Malformed`] where the body is no JSON of the data model.
pub fn read_untyped(response: Response<Bytes>) -> Result<Reply<Option<Value>>, Error> {
    let (head, body) = success(response)?;
    read_value(head, &body)
}

/// Reads the body of a success.
pub(crate) fn read_output<E>(head: ReplyHead, body: &[u8]) -> Result<Reply<E::Output>, Error<E::Error>>
where
    E: Endpoint,
    E::Output: DeserializeOwned,
    E::Error: AsRef<str>,
{
    let output = match E::OUTPUT {
        Some(_) => from_json(body, &LIMITS).map_err(|error| error.to_string()),
        None => {
            let nothing = MapDeserializer::<_, ValueError>::new(std::iter::empty::<(&str, &str)>());
            E::Output::deserialize(nothing).map_err(|error| error.to_string())
        }
    };
    match output {
        Ok(output) => Ok(Reply { output, head }),
        Err(reason) => Err(malformed(head, reason, body)),
    }
}

/// Reads the body of a success as JSON, where there is one.
pub(crate) fn read_value(head: ReplyHead, body: &[u8]) -> Result<Reply<Option<Value>>, Error> {
    if body.is_empty() {
        return Ok(Reply { output: None, head });
    }
    match json::from_slice(body, &LIMITS) {
        Ok(value) => Ok(Reply { output: Some(value), head }),
        Err(error) => Err(malformed(head, error.to_string(), body)),
    }
}

/// Pages hold many records: a body is limited by who reads it from the network.
const LIMITS: Limits = Limits { bytes: usize::MAX, ..Limits::OBJECT };

/// Status and headers, and the body, of a success.
fn success<E>(response: Response<Bytes>) -> Result<(ReplyHead, Bytes), Error<E>>
where
    E: for<'a> From<&'a str> + AsRef<str>,
{
    let (parts, body) = response.into_parts();
    let head = ReplyHead { status: parts.status, headers: parts.headers };
    if head.status.is_success() {
        Ok((head, body))
    } else {
        Err(Error::Refused(Box::new(refused(head, &body))))
    }
}

pub(crate) fn refused<E: for<'a> From<&'a str>>(head: ReplyHead, body: &[u8]) -> Refused<E> {
    match ErrorBody::read(body) {
        Some(ErrorBody { error, message }) => {
            Refused { head, error: Some(E::from(&error)), message, snippet: None }
        }
        None => {
            let snippet = Some(snippet(body)).filter(|text| !text.is_empty());
            Refused { head, error: None, message: None, snippet }
        }
    }
}

fn malformed<E: AsRef<str>>(head: ReplyHead, reason: String, body: &[u8]) -> Error<E> {
    Error::Malformed(Box::new(Malformed { head, reason, snippet: snippet(body) }))
}

/// The body of a response that is no success. Whoever writes one may be a proxy: `serde_json` reads it, which is lenient.
#[derive(serde::Deserialize)]
pub(crate) struct ErrorBody {
    pub(crate) error: String,
    #[serde(default, deserialize_with = "text_or_nothing")]
    pub(crate) message: Option<String>,
}

impl ErrorBody {
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

/// A message that is no text means nothing.
fn text_or_nothing<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::com::atproto::repo::create_record::{CreateRecord, CreateRecordError};
    use crate::api::com::atproto::server::DeleteSession;

    fn response(status: u16, body: &str) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap()
    }

    const CREATED: &str = r#"{"uri":"at://did:web:a.example/com.example.note/1",
        "cid":"bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u","new":1.0}"#;

    #[test]
    fn output_and_headers_are_side_by_side() {
        let mut created = response(200, CREATED);
        created.headers_mut().insert("atproto-repo-rev", "3kabcdefghi2a".parse().unwrap());
        let reply = read_response::<CreateRecord>(created).unwrap();
        assert_eq!(reply.output.uri.record_key().unwrap().as_str(), "1");
        assert_eq!(reply.output.extra.get("new"), Some(&Value::Integer(1)));
        assert_eq!(reply.repo_rev().unwrap().to_string(), "3kabcdefghi2a");
        read_response::<DeleteSession>(response(200, "")).unwrap();
        read_response::<DeleteSession>(response(200, "OK")).unwrap();
    }

    #[test]
    fn a_refusal_is_typed() {
        let body = r#"{"error":"InvalidSwap","message":"no","more":1}"#;
        let error = read_response::<CreateRecord>(response(400, body)).unwrap_err();
        let Error::Refused(refused) = &error else { panic!("{error:?}") };
        assert_eq!(refused.error, Some(CreateRecordError::InvalidSwap));
        assert_eq!(error.name(), Some("InvalidSwap"));
        assert_eq!(error.to_string(), "refused with status 400, InvalidSwap: no");
        assert_eq!(error.untyped().name(), Some("InvalidSwap"));
        for (body, text) in [
            ("<html>busy", "refused with status 503: \"<html>busy\""),
            ("", "refused with status 503"),
            (r#"{"error":1}"#, "refused with status 503: \"{\\\"error\\\":1}\""),
            (r#"{"error":"X","message":1}"#, "refused with status 503, X"),
        ] {
            let error = read_response::<CreateRecord>(response(503, body)).unwrap_err();
            assert_eq!(error.to_string(), text);
        }
        let error = read_response::<CreateRecord>(response(502, &"é".repeat(10_000))).unwrap_err();
        assert!(error.to_string().len() < 2000);
        assert!(matches!(read_response::<DeleteSession>(response(302, "")), Err(Error::Refused(_))));
    }

    #[test]
    fn a_success_that_is_none_is_malformed() {
        let bodies =
            ["", "<html>", "{", "[]", r#"{"error":"InvalidSwap"}"#, &CREATED[..90], &format!("{CREATED} x")];
        for body in bodies {
            let error = read_response::<CreateRecord>(response(200, body)).unwrap_err();
            assert!(matches!(error, Error::Malformed(_)), "{body}: {error}");
        }
        assert!(matches!(read_untyped(response(200, "{\"a\":1.5}")), Err(Error::Malformed(_))));
        assert_eq!(read_untyped(response(200, "")).unwrap().output, None);
    }
}
