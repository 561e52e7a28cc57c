//! From a request to its endpoint.

use super::config::ServerConfig;
use super::error::{Refusal, ServeError};
use super::events::Consumers;
use super::limit::Taken;
use atproto_lexicon::syntax::Nsid;
use atproto_lexicon::typed::Method as Kind;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::routing::any;
use futures_util::future::BoxFuture;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_TYPE,
    HeaderMap, HeaderValue,
};
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::json;
use std::collections::HashMap;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

const HEALTH: &str = "_health";

/// Says how much is left for a request.
pub(super) type Limit = Box<dyn Fn(&Parts) -> Option<Taken> + Send + Sync>;

/// Is told the failures of an endpoint.
pub(super) type Report = Arc<dyn Fn(&str, &(dyn Error + 'static)) + Send + Sync>;

/// Answers the requests of one endpoint.
pub(super) trait Run<S>:
    Fn(Arc<Service<S>>, Parts, Body) -> BoxFuture<'static, Result<Response, ServeError>> + Send + Sync
{
}

impl<S, F> Run<S> for F where
    F: Fn(Arc<Service<S>>, Parts, Body) -> BoxFuture<'static, Result<Response, ServeError>> + Send + Sync
{
}

/// An endpoint that is being added.
pub(super) struct Route<S> {
    pub(super) nsid: Nsid,
    pub(super) kind: Kind,
    pub(super) run: Box<dyn Run<S>>,
}

/// What an endpoint has to work with.
pub(super) struct Service<S> {
    pub(super) state: Arc<S>,
    pub(super) config: Arc<ServerConfig>,
    pub(super) report: Report,
    pub(super) nsid: Nsid,
    pub(super) consumers: Consumers,
}

/// Answers what no endpoint is served for.
pub(super) type Fallback =
    Box<dyn Fn(Nsid, Request) -> BoxFuture<'static, Result<Response, ServeError>> + Send + Sync>;

/// What a program asks for besides endpoints.
pub(super) struct Options {
    pub(super) config: ServerConfig,
    pub(super) limit: Option<Limit>,
    pub(super) report: Report,
    pub(super) health: Option<String>,
    pub(super) allows_origins: bool,
    pub(super) fallback: Option<Fallback>,
}

struct Served<S> {
    kind: Kind,
    service: Arc<Service<S>>,
    run: Box<dyn Run<S>>,
}

struct Endpoints<S> {
    served: HashMap<String, Served<S>>,
    options: Options,
}

pub(super) fn router<S: Send + Sync + 'static>(
    state: &Arc<S>,
    routes: HashMap<String, Route<S>>,
    options: Options,
) -> Router {
    let config = Arc::new(options.config.clone());
    let served = routes.into_iter().map(|(name, Route { nsid, kind, run })| {
        let (state, config, report) = (Arc::clone(state), Arc::clone(&config), Arc::clone(&options.report));
        let consumers = Consumers::new(config.max_consumers);
        let service = Arc::new(Service { state, config, report, nsid, consumers });
        (name, Served { kind, service, run })
    });
    let endpoints = Arc::new(Endpoints { served: served.collect(), options });
    let serve = move |request: Request| {
        let endpoints = Arc::clone(&endpoints);
        async move { endpoints.answer(request).await }
    };
    Router::new().route("/xrpc/{*name}", any(serve))
}

impl<S: Send + Sync + 'static> Endpoints<S> {
    async fn answer(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        if self.options.allows_origins && head.method == Method::OPTIONS {
            return preflight(&head.headers);
        }
        let taken = self.options.limit.as_ref().and_then(|limit| limit(&head));
        let name = head.uri.path().strip_prefix("/xrpc/").unwrap_or_default().to_owned();
        let refused = taken.as_ref().map_or(Ok(()), Taken::allowed);
        let answer = match refused {
            Ok(()) => self.answer_endpoint(&name, head, body).await,
            Err(refusal) => Err(refusal.into()),
        };
        let mut response = answer.unwrap_or_else(|error| {
            let (refusal, cause) = error.into_refusal();
            if let Some(cause) = cause {
                (self.options.report)(&name, &*cause);
            }
            refusal.to_response().map(Body::from)
        });
        let headers = response.headers_mut();
        if let Some(taken) = taken.filter(|_| !headers.contains_key("ratelimit-limit")) {
            taken.rate_limit.write(headers);
        }
        if self.options.allows_origins {
            let any = HeaderValue::from_static("*");
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, any.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, any);
        }
        response
    }

    async fn answer_endpoint(&self, name: &str, head: Parts, body: Body) -> Result<Response, ServeError> {
        if let (HEALTH, Some(version)) = (name, &self.options.health) {
            expect(&head.method, Kind::Query)?;
            let mut response = Response::new(Body::from(json!({ "version": version }).to_string()));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            return Ok(response);
        }
        let nsid: Nsid = name.parse().map_err(|_| Refusal::invalid_request("the path is no endpoint's"))?;
        let Some(Served { kind, service, run }) = self.served.get(nsid.to_normalized().as_str()) else {
            if let Some(fallback) = &self.options.fallback {
                return fallback(nsid, Request::from_parts(head, body)).await;
            }
            let status = StatusCode::NOT_IMPLEMENTED;
            return Err(
                Refusal::new(status, "MethodNotImplemented", "the endpoint is not served here").into()
            );
        };
        expect(&head.method, *kind)?;
        run(Arc::clone(service), head, body).await
    }
}

/// Whether an endpoint is called as it has to be.
fn expect(method: &Method, kind: Kind) -> Result<(), Refusal> {
    let (expected, is_expected) = match kind {
        Kind::Query => (Method::GET, *method == Method::GET || *method == Method::HEAD),
        Kind::Procedure => (Method::POST, *method == Method::POST),
        // By HTTP/2, a WebSocket begins otherwise (RFC 8441).
        Kind::Subscription => (Method::GET, *method == Method::GET || *method == Method::CONNECT),
    };
    if is_expected { Ok(()) } else { Err(Refusal::wrong_method(&expected)) }
}

/// What a browser is told before it sends a request for a page of another origin.
fn preflight(headers: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    // `*` does not stand for `authorization`.
    let wanted = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.unwrap_or(HeaderValue::from_static("*")));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

/// The address that a request comes from, where the service is made by `into_make_service_with_connect_info::<SocketAddr>()`. Behind a
/// proxy, it is the proxy's.
pub fn peer(head: &Parts) -> Option<IpAddr> {
    head.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())
}
