use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use std::fmt;

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

/// A query whose answer comes in pages (<https://atproto.com/specs/xrpc#cursors-and-pagination>); [`paged!`](crate::paged)
/// implements it.
pub trait Paged: Endpoint {
    /// Asks for the page at a cursor.
    fn set_cursor(&mut self, cursor: String);

    /// Where the next page begins; `None` on the last one.
    fn cursor_of(output: &Self::Output) -> Option<&str>;
}

/// Implements [`Paged`](crate::typed::Paged) for requests with a field `cursor`, which their output has, too.
#[macro_export]
macro_rules! paged {
    ($name:ident) => {
        impl $crate::typed::Paged for $name {
            #[inline]
            fn set_cursor(&mut self, cursor: ::std::string::String) {
                self.cursor = ::core::option::Option::Some(cursor);
            }

            #[inline]
            fn cursor_of(output: &Self::Output) -> ::core::option::Option<&str> {
                output.cursor.as_deref()
            }
        }
    };
}

/// There are no parameters, or there is no body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct NoBody;

impl crate::check::Validate for NoBody {}

/// Written as an object without fields.
impl Serialize for NoBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_map(Some(0))?.end()
    }
}

/// Read from an object of whichever fields.
impl<'de> Deserialize<'de> for NoBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = NoBody;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NoBody, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(NoBody)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// A body that is not JSON: its bytes travel beside the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct RawBody;
