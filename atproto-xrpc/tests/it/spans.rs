//! What `tracing` sees of calls.

use crate::net::{Net, Says, json};
use atproto_lexicon::http::HttpErrorKind;
use atproto_xrpc::api::com::atproto::server::DescribeServer;
use atproto_xrpc::auth::Fixed;
use atproto_xrpc::{Call, Error};
use std::io;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::format::FmtSpan;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All that is seen of a call with secrets in every place.
fn seen(answers: impl IntoIterator<Item = Says>) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let net = Net::script(answers);
    let client = net.client().with_auth(Fixed::bearer(&"secret-token".into()).unwrap());
    let call = Call::procedure("com.example.put".parse().unwrap()).with_param("password", "secret-parameter");
    let call = call.with_body("text/plain", "secret-body").unwrap();
    tracing::subscriber::with_default(subscriber, || {
        let _: Result<_, Error> = net.run(async move {
            let _ = client.call(&call).await;
            client.send(&DescribeServer).await.map_err(Error::untyped)
        });
    });
    String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn calls_are_seen_without_secrets() {
    let refused =
        json(400, r#"{"error": "secret-name", "message": "secret-message"}"#).with("x", "secret-header");
    let log = seen([refused, Says::Fails(HttpErrorKind::Broken), json(503, "secret-page"), json(200, "{}")]);
    assert!(!log.contains("secret"), "{log}");
    for part in [
        "xrpc",
        "com.example.put",
        "com.atproto.server.describeServer",
        "pds.example.com",
        "status=400",
        "retries=2",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert!(log.contains("error=\"refused\""), "{log}");
}
