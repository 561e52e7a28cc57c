use super::{ObjectType, Schema, UnionType};

/// `query` or `procedure` (<https://atproto.com/specs/lexicon#query-and-procedure-http-api>).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointType {
    /// Query parameters.
    pub parameters: Option<ObjectType>,
    /// Body of the request; a query has none.
    pub input: Option<Body>,
    /// Body of the response.
    pub output: Option<Body>,
    /// Errors that have a name.
    pub errors: Vec<EndpointError>,
}

/// A request's or response's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// For people.
    pub description: Option<String>,
    /// Media type, `*/*` for any.
    pub encoding: String,
    /// What the JSON is: an object, a reference or a union.
    pub schema: Option<Schema>,
}

/// An error that an endpoint names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointError {
    /// The name in the error's body.
    pub name: String,
    /// For people.
    pub description: Option<String>,
}

/// `subscription` (<https://atproto.com/specs/lexicon#subscription-event-stream>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionType {
    /// Query parameters.
    pub parameters: Option<ObjectType>,
    /// What a message can be.
    pub message: UnionType,
    /// Errors that have a name.
    pub errors: Vec<EndpointError>,
}
