//! Requests as the types of an endpoint, without IO: what [`Call`](crate::Call) is the other side of.

use super::error::Refusal;
use super::params::Query;
use atproto_lexicon::check::{Checker, Validate};
use atproto_lexicon::data::Limits;
use atproto_lexicon::typed::{Endpoint, from_json};
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use serde::de::value::{Error as ValueError, MapDeserializer};
use serde::de::{Deserialize as _, DeserializeOwned};

/// A body is limited by who reads it from the network.
const LIMITS: Limits = Limits { bytes: usize::MAX, ..Limits::OBJECT };

/// Reads the parameters of an endpoint from the query of a URL, without its `?`
/// (<https://atproto.com/specs/xrpc#lexicon-http-endpoints>): an array from each of its name, booleans from `true` and `false`. Those of
/// other names mean nothing.
///
/// ```
/// use atproto_xrpc::api::com::atproto::repo::ListRecords;
/// use atproto_xrpc::server::read_params;
///
/// let params = read_params::<ListRecords>(Some("repo=alice.example.com&collection=com.example.note&limit=7&new=1"))?;
/// assert_eq!(params.limit, Some(7));
/// let refusal = read_params::<ListRecords>(Some("repo=alice.example.com")).unwrap_err();
/// assert_eq!(refusal.message(), Some("missing field `collection`"));
/// # Ok::<(), atproto_xrpc::server::ServeError>(())
/// ```
///
/// # Errors
/// `InvalidRequest` where one is missing, comes twice and is no array, is of another type, or breaks a constraint of the lexicon.
pub fn read_params<E>(query: Option<&str>) -> Result<E::Params, Refusal>
where
    E: Endpoint,
    E::Params: DeserializeOwned + Validate,
{
    let query = Query::parse(query.unwrap_or_default());
    let query = query.ok_or_else(|| Refusal::invalid_request("the query is not percent-encoded UTF-8"))?;
    let params = E::Params::deserialize(query).map_err(Refusal::invalid_request)?;
    check(params)
}

/// Reads the body of a request to an endpoint that takes JSON, or nothing.
///
/// The JSON is read strictly: no key comes twice, and no number has a fraction. Fields that the lexicon has not are kept.
///
/// # Errors
/// `InvalidRequest` where the media type is not that of the endpoint, where the body is not its JSON or breaks a constraint of the
/// lexicon, and where there is a body and the endpoint takes none. 415 where it is compressed.
pub fn read_input<E>(headers: &HeaderMap, body: &[u8]) -> Result<E::Input, Refusal>
where
    E: Endpoint,
    E::Input: DeserializeOwned + Validate,
{
    let Some(expected) = E::INPUT else {
        if !body.is_empty() {
            return Err(Refusal::invalid_request("the endpoint takes no body"));
        }
        let nothing = MapDeserializer::<_, ValueError>::new(std::iter::empty::<(&str, &str)>());
        return E::Input::deserialize(nothing).map_err(Refusal::invalid_request);
    };
    read_media_type(headers, expected)?;
    let input = from_json(body, &LIMITS).map_err(Refusal::invalid_request)?;
    check(input)
}

/// The media type of a request's body, in lower case and without parameters, where it is one that is `expected`: a type such as
/// `application/json`, or a pattern such as `image/*` or `*/*`.
///
/// # Errors
/// `InvalidRequest` where it is another one, or not said; 415 where the body is compressed.
pub fn read_media_type(headers: &HeaderMap, expected: &str) -> Result<String, Refusal> {
    let encoding = headers.get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Refusal::new(status, "UnsupportedMediaType", "a body that is compressed is not read"));
    }
    let mut said = headers.get_all(CONTENT_TYPE).iter();
    let (Some(media_type), None) = (said.next(), said.next()) else {
        return Err(Refusal::invalid_request("the body has to have one content-type"));
    };
    let media_type = media_type.to_str().ok().and_then(media_type_of);
    let media_type = media_type.ok_or_else(|| Refusal::invalid_request("content-type is malformed"))?;
    if !is_of(&media_type, expected) {
        let message = format!("content-type is {media_type}, and has to be {expected}");
        return Err(Refusal::invalid_request(message));
    }
    Ok(media_type)
}

/// A media type in lower case and without parameters; `None` where it is none.
pub(super) fn media_type_of(text: &str) -> Option<String> {
    // What a token is, RFC 9110 says in section 5.6.2; `*` is left out, so that a pattern is no type.
    let is_token = |text: &str| {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&byte);
        !text.is_empty() && text.bytes().all(is_token)
    };
    let essence = text.split(';').next().unwrap_or_default().trim_matches([' ', '\t']);
    let (kind, subtype) = essence.split_once('/')?;
    (is_token(kind) && is_token(subtype)).then(|| essence.to_ascii_lowercase())
}

/// Whether a media type in lower case is this one, or one of this pattern.
pub(super) fn is_of(media_type: &str, pattern: &str) -> bool {
    let pattern = pattern.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match pattern.strip_suffix('*') {
        Some("*/") => true,
        Some(kind) => media_type.starts_with(kind),
        None => media_type == pattern,
    }
}

fn check<T: Validate>(value: T) -> Result<T, Refusal> {
    let mut checker = Checker::first();
    value.check(&mut checker);
    checker.finish().map_err(Refusal::invalid_request)?;
    Ok(value)
}
