//! Requests without IO (<https://atproto.com/specs/xrpc#lexicon-http-endpoints>).

use crate::service_url::ServiceUrl;
use atproto_lexicon::http::{Bytes, Request};
use atproto_lexicon::syntax::Nsid;
use atproto_lexicon::typed::{Endpoint, Method};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, request};
use serde::Serialize;

const JSON: &str = "application/json";

/// A call of an endpoint, which is sent as often as it takes.
///
/// Generated types make one ([`of`](Self::of)); an endpoint that is not known at compile time is called by its name:
///
/// ```
/// use atproto_xrpc::{Call, ServiceUrl};
///
/// let call = Call::query("com.example.searchNotes".parse()?)
///     .with_param("q", "café")
///     .with_param("limit", 10)
///     .with_header("atproto-proxy", "did:web:notes.example.com#notes")?;
/// let request = call.to_request(&ServiceUrl::parse("https://pds.example.com")?)?;
/// assert_eq!(request.method(), "GET");
/// assert_eq!(request.uri(), "https://pds.example.com/xrpc/com.example.searchNotes?q=caf%C3%A9&limit=10");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Call {
    nsid: Nsid,
    is_procedure: bool,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

/// Why a call has no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The parameters cannot be written.
    #[error("query parameters that cannot be written: {0}")]
    Params(String),
    /// The input has no JSON form.
    #[error("input that cannot be written: {0}")]
    Input(String),
    /// A header's name or value has characters that it cannot have.
    #[error("header {0:?} is not well-formed")]
    Header(String),
    /// The parameters make a URL of more than 64 KiB.
    #[error("the URL is too long")]
    UrlLength,
    /// It is a subscription, which is no request and response.
    #[error("a subscription is not called")]
    Subscription,
}

impl Call {
    /// A query: HTTP GET.
    pub fn query(nsid: Nsid) -> Self {
        Self {
            nsid,
            is_procedure: false,
            query: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// A procedure: HTTP POST.
    pub fn procedure(nsid: Nsid) -> Self {
        Self { is_procedure: true, ..Self::query(nsid) }
    }

    /// The call of an endpoint with its parameters and its input, if that is JSON.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn of<E>(endpoint: &E) -> Result<Self, RequestError>
    where
        E: Endpoint,
        E::Params: Serialize,
        E::Input: Serialize,
    {
        let call = Self::without_input(endpoint)?;
        if E::INPUT.is_some() { call.with_json(endpoint.input()) } else { Ok(call) }
    }

    /// The call of an endpoint with its parameters alone.
    pub(crate) fn without_input<E>(endpoint: &E) -> Result<Self, RequestError>
    where
        E: Endpoint,
        E::Params: Serialize,
    {
        // The names of endpoints are NSIDs: the generator has read them.
        let nsid = E::NSID.parse().map_err(|_| RequestError::Params(E::NSID.to_owned()))?;
        let mut call = match E::METHOD {
            Method::Query => Self::query(nsid),
            Method::Procedure => Self::procedure(nsid),
            Method::Subscription => return Err(RequestError::Subscription),
        };
        call.query = query_of(endpoint.params())?;
        let accept = E::OUTPUT.and_then(|media| HeaderValue::from_str(media).ok());
        call.headers.extend(accept.map(|media| (ACCEPT, media)));
        Ok(call)
    }

    /// With another parameter; one of an array is added for each item.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: impl ToString) -> Self {
        // A pair of texts has a form.
        let pair = serde_html_form::to_string([(name, value.to_string())]).unwrap_or_default();
        if !self.query.is_empty() {
            self.query.push('&');
        }
        self.query.push_str(&pair);
        self
    }

    /// With this input, as JSON: a generated type, or a [`Value`](atproto_lexicon::data::Value).
    ///
    /// # Errors
    /// [`RequestError::Input`].
    pub fn with_json(self, input: &(impl Serialize + ?Sized)) -> Result<Self, RequestError> {
        let body = serde_json::to_vec(input).map_err(|error| RequestError::Input(error.to_string()))?;
        self.with_body(JSON, body)
    }

    /// With this body.
    ///
    /// # Errors
    /// [`RequestError::Header`] where the media type is not well-formed.
    pub fn with_body(mut self, media_type: &str, body: impl Into<Bytes>) -> Result<Self, RequestError> {
        self.body = body.into();
        self.with_header(CONTENT_TYPE.as_str(), media_type)
    }

    /// With another header, in the place of the client's own of that name.
    ///
    /// # Errors
    /// [`RequestError::Header`].
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, RequestError> {
        let bad = || RequestError::Header(name.to_owned());
        let header: HeaderName = name.parse().map_err(|_| bad())?;
        self.headers.insert(header, value.parse().map_err(|_| bad())?);
        Ok(self)
    }

    /// Which endpoint is called.
    pub fn nsid(&self) -> &Nsid {
        &self.nsid
    }

    /// Whether it is a procedure, which may change something.
    pub fn is_procedure(&self) -> bool {
        self.is_procedure
    }

    /// The request to a service.
    ///
    /// # Errors
    /// [`RequestError::UrlLength`].
    pub fn to_request(&self, service: &ServiceUrl) -> Result<Request<Bytes>, RequestError> {
        Ok(Request::from_parts(self.to_parts(service)?, self.body.clone()))
    }

    /// All of the request but its body.
    pub(crate) fn to_parts(&self, service: &ServiceUrl) -> Result<request::Parts, RequestError> {
        let mut path = format!("/xrpc/{}", self.nsid);
        if !self.query.is_empty() {
            path.push('?');
            path.push_str(&self.query);
        }
        let path = PathAndQuery::try_from(path).map_err(|_| RequestError::UrlLength)?;
        let mut request = Request::new(());
        *request.method_mut() = if self.is_procedure { http::Method::POST } else { http::Method::GET };
        *request.uri_mut() = service.join(path);
        *request.headers_mut() = self.headers.clone();
        Ok(request.into_parts().0)
    }

    #[cfg(feature = "client")]
    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }
}

/// The query string of parameters, without its `?`: an array is a pair for each item, booleans are `true` and `false`.
///
/// # Errors
/// [`RequestError::Params`].
pub(crate) fn query_of(params: &impl Serialize) -> Result<String, RequestError> {
    serde_html_form::to_string(params).map_err(|error| RequestError::Params(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::com::atproto::repo::{CreateRecord, ListRecords};
    use crate::api::com::atproto::server::DeleteSession;
    use crate::api::com::atproto::sync::SubscribeRepos;
    use atproto_lexicon::typed::Object;

    fn service() -> ServiceUrl {
        "https://pds.example.com".parse().unwrap()
    }

    #[test]
    fn parameters_are_in_the_query() {
        let mut list =
            ListRecords::new("alice.example.com".parse().unwrap(), "com.example.note".parse().unwrap());
        list.limit = Some(7);
        list.reverse = Some(true);
        list.cursor = Some("a&b=c d+é".into());
        let request = Call::of(&list).unwrap().to_request(&service()).unwrap();
        let query = request.uri().query().unwrap();
        let pairs: Vec<(String, String)> = serde_html_form::from_str(query).unwrap();
        let pairs: std::collections::BTreeMap<_, _> =
            pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let expected = [
            ("collection", "com.example.note"),
            ("cursor", "a&b=c d+é"),
            ("limit", "7"),
            ("repo", "alice.example.com"),
            ("reverse", "true"),
        ];
        assert_eq!(pairs, expected.into());
        assert_eq!(
            (request.method().as_str(), request.uri().path()),
            ("GET", "/xrpc/com.atproto.repo.listRecords")
        );
        assert_eq!(request.headers()[ACCEPT], "application/json");
        assert!(request.body().is_empty() && !request.headers().contains_key(CONTENT_TYPE));
    }

    #[test]
    fn input_is_the_body() {
        let repo = "did:web:example.com".parse().unwrap();
        let create = CreateRecord::new(repo, "com.example.note".parse().unwrap(), Object::new());
        let request = Call::of(&create).unwrap().to_request(&service()).unwrap();
        assert_eq!((request.method().as_str(), request.uri().query()), ("POST", None));
        assert_eq!(request.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(
            &request.body()[..],
            br#"{"repo":"did:web:example.com","collection":"com.example.note","record":{}}"#
        );
        let request = Call::of(&DeleteSession).unwrap().to_request(&service()).unwrap();
        assert!(request.body().is_empty() && !request.headers().contains_key(CONTENT_TYPE));
    }

    #[test]
    fn what_is_no_request_says_why() {
        assert_eq!(Call::of(&SubscribeRepos::default()).unwrap_err(), RequestError::Subscription);
        let call = Call::query("com.example.a".parse().unwrap());
        assert!(matches!(call.clone().with_header("a b", "c"), Err(RequestError::Header(_))));
        assert!(matches!(call.clone().with_header("a", "c\r\nd: e"), Err(RequestError::Header(_))));
        let long = call.with_param("q", "x".repeat(70_000)).to_request(&service());
        assert_eq!(long.unwrap_err(), RequestError::UrlLength);
    }
}
