//! Endpoints by their names.

use super::answer::{Answer, Download, write_output};
use super::caller::{Anyone, Caller};
use super::config::ServerConfig;
use super::dispatch::{self, Options, Route};
use super::error::ServeError;
use super::events::{EventLog, Events, open};
use super::read::{read_input, read_params};
use super::upload::{Upload, read_all};
use super::well_known;
use atproto_identity::DidDocument;
use atproto_lexicon::check::Validate;
use atproto_lexicon::http as lexicon;
use atproto_lexicon::syntax::{Did, Handle, Nsid};
use atproto_lexicon::typed::{Endpoint, Method, NoBody, RawBody};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures_util::future::BoxFuture;
use futures_util::stream;
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// What a handler is asked: a request of endpoint `E`, by `C`.
#[non_exhaustive]
pub struct Asked<E: Endpoint, C = Anyone, I = <E as Endpoint>::Input> {
    /// The parameters. Where the endpoint has no body, that is the request's own type.
    pub params: E::Params,
    /// The body: for most procedures the request's own type.
    pub input: I,
    /// Who asks.
    pub caller: C,
    /// All of the request but its body: headers, and as extensions what `axum` knows of the connection.
    pub head: Parts,
}

/// What a handler is asked of an endpoint that takes bytes.
pub type AskedUpload<E, C = Anyone> = Asked<E, C, Upload>;

impl<E: Endpoint<Params: fmt::Debug>, C, I: fmt::Debug> fmt::Debug for Asked<E, C, I> {
    /// Without the head, which has tokens in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Asked");
        shown.field("params", &self.params).field("input", &self.input).finish_non_exhaustive()
    }
}

/// Serves endpoints: a builder of a [`Router`].
///
/// A handler is an `async fn` of the state and what is [`Asked`]. A request goes through these steps, of which each may refuse it: the rate
/// limit, the endpoint's name, the HTTP method, who asks, the parameters, the body, the handler.
///
/// Where the connection is closed, the handler's future is dropped; a handler that must not stop in the middle hands its work to a task.
pub struct XrpcRouter<S> {
    state: Arc<S>,
    routes: HashMap<String, Route<S>>,
    options: Options,
    well_known: Router,
}

impl<S> fmt::Debug for XrpcRouter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("XrpcRouter");
        shown
            .field("endpoints", &self.routes.keys())
            .field("config", &self.options.config)
            .finish_non_exhaustive()
    }
}

impl<S: Send + Sync + 'static> XrpcRouter<S> {
    /// Without endpoints, with what the handlers share.
    pub fn new(state: Arc<S>) -> Self {
        Self {
            state,
            routes: HashMap::new(),
            options: Options {
                config: ServerConfig::default(),
                limit: None,
                report: Arc::new(|_, _| {}),
                health: None,
                allows_origins: false,
                fallback: None,
            },
            well_known: Router::new(),
        }
    }

    /// With other limits.
    #[must_use]
    pub fn with_config(mut self, config: ServerConfig) -> Self {
        self.options.config = config;
        self
    }

    /// With a rate limit: `take` is asked before anything else is looked at, `None` is no limit. What is left is told in the headers of
    /// every response.
    ///
    /// ```
    /// use atproto_xrpc::server::{RateLimiter, XrpcRouter, network_of, peer};
    /// use std::sync::Arc;
    /// use std::time::{Duration, SystemTime, UNIX_EPOCH};
    ///
    /// let limiter = RateLimiter::new(3000, Duration::from_secs(300), 100_000);
    /// let router = XrpcRouter::new(Arc::new(())).with_rate_limit(move |head| {
    ///     let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ///     Some(limiter.take(&peer(head).map(network_of), 1, now))
    /// });
    /// ```
    #[must_use]
    pub fn with_rate_limit(
        mut self,
        take: impl Fn(&Parts) -> Option<super::Taken> + Send + Sync + 'static,
    ) -> Self {
        self.options.limit = Some(Box::new(take));
        self
    }

    /// With pages of all origins allowed to ask (CORS). They bring tokens, and no cookies.
    #[must_use]
    pub fn with_cors(mut self) -> Self {
        self.options.allows_origins = true;
        self
    }

    /// With failures of the service ([`ServeError::Internal`]) told to a log of the program's, with the name of the endpoint. Nobody else
    /// is told.
    #[must_use]
    pub fn on_failure(
        mut self,
        report: impl Fn(&str, &(dyn Error + 'static)) + Send + Sync + 'static,
    ) -> Self {
        self.options.report = Arc::new(report);
        self
    }

    /// With `/xrpc/_health`, which says this version.
    #[must_use]
    pub fn with_health(mut self, version: &str) -> Self {
        self.options.health = Some(version.to_owned());
        self
    }

    /// With `/.well-known/did.json`: the document of a did:web (<https://atproto.com/specs/did>).
    #[must_use]
    pub fn with_did_document(self, document: &DidDocument) -> Self {
        Self { well_known: well_known::with_document(self.well_known, document), ..self }
    }

    /// With `/.well-known/atproto-did`: the DID of the handle that is the name of the host which is asked for
    /// (<https://atproto.com/specs/handle#handle-resolution>). A host behind a proxy has to be told that name in the header `Host`.
    #[must_use]
    pub fn with_handles<F, Fut>(self, find: F) -> Self
    where
        F: Fn(Arc<S>, Handle) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Option<Did>> + Send + 'static,
    {
        let state = Arc::clone(&self.state);
        let find = move |handle| find(Arc::clone(&state), handle);
        Self { well_known: well_known::with_handles(self.well_known, find), ..self }
    }

    /// Serves a query or procedure whose input and output are JSON, or which has none. `handler` answers an output, or an [`Answer`] that
    /// has headers as well. An endpoint that is served already is replaced.
    #[must_use]
    pub fn serve<E, C, F, Fut, R>(self, handler: F) -> Self
    where
        E: Endpoint<
                Params: DeserializeOwned + Validate + Send,
                Input: DeserializeOwned + Validate + Send,
                Output: Serialize + Send,
                Error: AsRef<str>,
            > + 'static,
        C: Caller<S> + 'static,
        F: Fn(Arc<S>, Asked<E, C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, ServeError<E::Error>>> + Send + 'static,
        R: Into<Answer<E::Output>> + Send + 'static,
    {
        const { assert!(!matches!(E::METHOD, Method::Subscription), "a subscription is served by `subscription`") };
        let handler = Arc::new(handler);
        self.route::<E>(move |service, head, body| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let (caller, params) = begin::<S, E, C>(&service, &head).await?;
                let body = match E::METHOD {
                    // The body of a query means nothing, and is not read.
                    Method::Query => lexicon::Bytes::new(),
                    _ => read_all(&head.headers, body, &service.config).await?,
                };
                let input = read_input::<E>(&head.headers, &body)?;
                let asked = Asked { params, input, caller, head };
                let answer = handler(Arc::clone(&service.state), asked).await;
                let answer = answer.map_err(ServeError::untyped)?;
                Ok(write_output::<E>(answer.into())?.map(Body::from))
            })
        })
    }

    /// Serves an endpoint that takes bytes and answers JSON, such as `com.atproto.repo.uploadBlob`: `limit` of them at most. What the
    /// sender says of type and length has been looked at; the bytes come while `handler` runs.
    #[must_use]
    pub fn upload<E, C, F, Fut, R>(self, limit: u64, handler: F) -> Self
    where
        E: Endpoint<
                Params: DeserializeOwned + Validate + Send,
                Input = RawBody,
                Output: Serialize + Send,
                Error: AsRef<str>,
            > + 'static,
        C: Caller<S> + 'static,
        F: Fn(Arc<S>, AskedUpload<E, C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, ServeError<E::Error>>> + Send + 'static,
        R: Into<Answer<E::Output>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.route::<E>(move |service, head, body| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let (caller, params) = begin::<S, E, C>(&service, &head).await?;
                let expected = E::INPUT.unwrap_or("*/*");
                let input = Upload::new(&head.headers, expected, limit, body, &service.config)?;
                let asked = Asked { params, input, caller, head };
                let answer = handler(Arc::clone(&service.state), asked).await;
                let answer = answer.map_err(ServeError::untyped)?;
                Ok(write_output::<E>(answer.into())?.map(Body::from))
            })
        })
    }

    /// Serves a query that answers bytes, such as `com.atproto.sync.getBlob` or `com.atproto.sync.getRepo`: they are sent as they come, and
    /// one piece at a time is in memory.
    #[must_use]
    pub fn download<E, C, F, Fut, B>(self, handler: F) -> Self
    where
        E: Endpoint<
                Params: DeserializeOwned + Validate + Send,
                Input = NoBody,
                Output = RawBody,
                Error: AsRef<str>,
            > + 'static,
        C: Caller<S> + 'static,
        F: Fn(Arc<S>, Asked<E, C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Download<B>, ServeError<E::Error>>> + Send + 'static,
        B: lexicon::Body + 'static,
    {
        let handler = Arc::new(handler);
        self.route::<E>(move |service, head, _| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let (caller, params) = begin::<S, E, C>(&service, &head).await?;
                let asked = Asked { params, input: NoBody, caller, head };
                let answer = handler(Arc::clone(&service.state), asked).await;
                let answer = answer.map_err(ServeError::untyped)?;
                Ok(answer.into_response::<E>()?.map(stream_of))
            })
        })
    }

    /// Serves a subscription: `handler` says which [`Events`] are sent, from which cursor on.
    #[must_use]
    pub fn subscription<E, C, F, Fut, L>(self, handler: F) -> Self
    where
        E: Endpoint<Params: DeserializeOwned + Validate + Send, Input = NoBody, Error: AsRef<str>> + 'static,
        C: Caller<S> + 'static,
        F: Fn(Arc<S>, Asked<E, C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Events<L>, ServeError<E::Error>>> + Send + 'static,
        L: EventLog,
    {
        const {
            assert!(
                matches!(E::METHOD, Method::Subscription),
                "only a subscription is served by `subscription`"
            )
        };
        let handler = Arc::new(handler);
        self.route::<E>(move |service, head, _| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let report = Arc::clone(&service.report);
                let report = Arc::new(move |error: &(dyn Error + 'static)| report(E::NSID, error));
                let config = Arc::clone(&service.config);
                let consumers = service.consumers.clone();
                open(head, &consumers, config, report, async |head| {
                    let (caller, params) = begin::<S, E, C>(&service, &head).await?;
                    let asked = Asked { params, input: NoBody, caller, head };
                    let events = handler(Arc::clone(&service.state), asked).await;
                    events.map_err(ServeError::untyped)
                })
                .await
            })
        })
    }

    /// Answers the calls of endpoints that are not served, of any HTTP method, instead of saying so: an account's host passes them on
    /// (<https://atproto.com/specs/xrpc#service-proxying>). Nothing but the rate limit and the name has been looked at.
    #[must_use]
    pub fn fallback<F, Fut>(mut self, handler: F) -> Self
    where
        F: Fn(Arc<S>, Nsid, Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response, ServeError>> + Send + 'static,
    {
        let state = Arc::clone(&self.state);
        let handler = move |nsid, request| -> BoxFuture<'static, _> {
            Box::pin(handler(Arc::clone(&state), nsid, request))
        };
        self.options.fallback = Some(Box::new(handler));
        self
    }

    fn route<E: Endpoint>(mut self, run: impl dispatch::Run<S> + 'static) -> Self {
        // The names of endpoints are NSIDs: the generator has read them.
        if let Ok(nsid) = E::NSID.parse::<Nsid>() {
            let name = nsid.to_normalized().as_str().to_owned();
            self.routes.insert(name, Route { nsid, kind: E::METHOD, run: Box::new(run) });
        }
        self
    }

    /// The service: to be merged with other routes of the program's, and served by [`axum::serve()`]. Its paths begin with `/xrpc/` and
    /// `/.well-known/`, which it does not share.
    pub fn into_router(self) -> Router {
        let Self { state, routes, options, well_known } = self;
        dispatch::router(&state, routes, options).merge(well_known)
    }
}

/// What all endpoints begin with.
async fn begin<S, E, C>(service: &dispatch::Service<S>, head: &Parts) -> Result<(C, E::Params), ServeError>
where
    E: Endpoint<Params: DeserializeOwned + Validate>,
    C: Caller<S>,
{
    let caller = C::identify(&service.state, head, &service.nsid).await?;
    Ok((caller, read_params::<E>(head.uri.query())?))
}

/// The pieces as they come; an error breaks the connection.
fn stream_of(body: impl lexicon::Body + 'static) -> Body {
    Body::from_stream(stream::unfold(Some(body), |body| async {
        let mut body = body?;
        match body.chunk().await {
            Ok(Some(chunk)) => Some((Ok(chunk), Some(body))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    }))
}
