//! What a program may see of its calls in `tracing`: which endpoint, at which host, how often, and how it ended. Parameters, bodies,
//! headers and tokens are not in it, nor what a server says in its words.

#[cfg(feature = "tracing")]
pub(crate) use seen::CallSpan;
#[cfg(not(feature = "tracing"))]
pub(crate) use unseen::CallSpan;

#[cfg(feature = "tracing")]
mod seen {
    use crate::error::Error;
    use crate::{Call, ServiceUrl};
    use tracing::field::Empty;
    use tracing::{Instrument as _, Span, debug_span};

    /// The span `xrpc` of a call.
    pub(crate) struct CallSpan(Span);

    impl CallSpan {
        pub(crate) fn of(call: &Call, service: &ServiceUrl) -> Self {
            Self(debug_span!(
                "xrpc",
                nsid = %call.nsid(),
                procedure = call.is_procedure(),
                service = %service,
                retries = Empty,
                status = Empty,
                error = Empty,
            ))
        }

        pub(crate) async fn within<T>(&self, future: impl Future<Output = T>) -> T {
            future.instrument(self.0.clone()).await
        }

        pub(crate) fn ended(&self, retries: u32, error: Option<&Error>) {
            self.0.record("retries", retries);
            let Some(error) = error else { return };
            if let Some(head) = error.head() {
                self.0.record("status", head.status.as_u16());
            }
            // By its kind: what a server writes may be anything.
            self.0.record("error", kind(error));
        }
    }

    fn kind(error: &Error) -> &'static str {
        match error {
            Error::Request(_) => "request",
            Error::Http(_) => "http",
            Error::Refused(_) => "refused",
            Error::Malformed(_) => "malformed",
            Error::Auth(_) => "auth",
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod unseen {
    use crate::error::Error;
    use crate::{Call, ServiceUrl};

    /// No span.
    pub(crate) struct CallSpan;

    impl CallSpan {
        pub(crate) fn of(_: &Call, _: &ServiceUrl) -> Self {
            Self
        }

        pub(crate) async fn within<T>(&self, future: impl Future<Output = T>) -> T {
            future.await
        }

        pub(crate) fn ended(&self, _: u32, _: Option<&Error>) {}
    }
}
