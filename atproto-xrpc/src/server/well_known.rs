//! What stands beside `/xrpc/`.

use atproto_identity::DidDocument;
use atproto_lexicon::syntax::{Did, Handle};
use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, HOST, HeaderValue};

pub(super) fn with_document(router: Router, document: &DidDocument) -> Router {
    let document = document.to_json().to_string();
    let document = move || {
        let response = public("application/json", document.clone());
        async { response }
    };
    router.route("/.well-known/did.json", get(document))
}

pub(super) fn with_handles<F, Fut>(router: Router, find: F) -> Router
where
    F: Fn(Handle) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Option<Did>> + Send + 'static,
{
    let answer = async move |request: Request| {
        let did = match handle_of(&request) {
            Some(handle) => find(handle).await,
            None => None,
        };
        match did {
            Some(did) => public("text/plain; charset=utf-8", did.as_str().to_owned()),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    };
    router.route("/.well-known/atproto-did", get(answer))
}

/// The host that is asked for, if it can be a handle.
fn handle_of(request: &Request) -> Option<Handle> {
    let host = match request.uri().host() {
        Some(host) => host,
        None => request.headers().get(HOST)?.to_str().ok()?,
    };
    let name = host.split(':').next().unwrap_or_default();
    Some(name.parse::<Handle>().ok()?.to_normalized())
}

/// What everybody may read, pages of other origins too: browsers resolve DIDs and handles by it.
fn public(media_type: &'static str, body: String) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
