/// How an endpoint is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// HTTP GET.
    Query,
    /// HTTP POST.
    Procedure,
    /// A WebSocket.
    Subscription,
}

/// An endpoint of XRPC (<https://atproto.com/specs/xrpc#lexicon-http-endpoints>): the type that implements it is its request.
pub trait Endpoint {
    /// The endpoint's name in the path.
    const NSID: &'static str;
    /// How it is called.
    const METHOD: Method;
    /// Media type of the request's body, `*/*` for any; `None` where there is no body.
    const INPUT: Option<&'static str>;
    /// Media type of the response's body; `None` where there is none. For a subscription that of its messages.
    const OUTPUT: Option<&'static str>;
    /// The query parameters.
    type Params;
    /// The request's body.
    type Input;
    /// The response's body, or a message.
    type Output;
    /// The errors that the endpoint names.
    type Error;

    /// The query parameters.
    fn params(&self) -> &Self::Params;

    /// The request's body.
    fn input(&self) -> &Self::Input;
}

/// There are no parameters, or there is no body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct NoBody;

/// A body that is not JSON: its bytes travel beside the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct RawBody;
