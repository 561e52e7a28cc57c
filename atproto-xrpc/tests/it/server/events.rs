//! Event streams, to our own subscriptions and to sockets that behave badly.

use super::{ask, error, get, listen, post, refused, run};
use atproto_identity::FetchPolicy;
use atproto_identity::adapters::TokioClock;
use atproto_identity::fetch_policy::DevelopmentPolicy;
use atproto_lexicon::data::Limits;
use atproto_xrpc::api::com::atproto::label::subscribe_labels::{
    Labels, SubscribeLabels, SubscribeLabelsError, SubscribeLabelsMessage,
};
use atproto_xrpc::server::{
    Asked, Batch, Event, EventLog, Events, LogLimits, MemoryLog, Refusal, Room, ServeError, ServerConfig,
    XrpcRouter, credentials,
};
use atproto_xrpc::stream::frame::Frame;
use atproto_xrpc::stream::{
    Config, Lexicon, Lost, MemoryCursor, StreamError, StreamEvent, Subscription, WebSockets,
};
use axum::Router;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, Request};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const PATH: &str = "/xrpc/com.atproto.label.subscribeLabels";

async fn labels(
    log: Arc<MemoryLog>,
    asked: Asked<SubscribeLabels>,
) -> Result<Events<MemoryLog>, ServeError<SubscribeLabelsError>> {
    match asked.head.headers.get("x-test").map(HeaderValue::as_bytes) {
        Some(b"busy") => return Err(Refusal::unavailable("Busy", "later").into()),
        Some(b"fails") => return Err(ServeError::internal("the disk is full")),
        Some(b"auth") => drop(credentials(&asked.head.headers, "Bearer")?),
        _ => {}
    }
    Ok(Events::new(log, asked.params.cursor)?)
}

fn log(events: usize, bytes: usize) -> Arc<MemoryLog> {
    Arc::new(MemoryLog::new(0, LogLimits { events, bytes }))
}

fn append(log: &MemoryLog, number: usize) {
    for _ in 0..number {
        log.append::<SubscribeLabels>(|seq| Labels::new(seq, Vec::new()).into()).unwrap();
    }
}

/// An event of 64 KiB.
fn append_large(log: &MemoryLog) {
    log.append::<SubscribeLabels>(|seq| {
        let mut labels = Labels::new(seq, Vec::new());
        labels.extra.extend([("more".into(), "x".repeat(65_000).as_str().into())]);
        labels.into()
    })
    .unwrap();
}

fn router(log: &Arc<MemoryLog>, config: ServerConfig) -> Router {
    XrpcRouter::new(log.clone()).with_config(config).subscription(labels).into_router()
}

type Stream = Subscription<Lexicon<SubscribeLabels>, WebSockets, TokioClock, MemoryCursor>;

fn subscribe(address: SocketAddr, cursor: Option<u64>) -> Stream {
    let policy = FetchPolicy::from(DevelopmentPolicy::default());
    let protocol = Lexicon::new(&format!("http://{address}"), &SubscribeLabels::default()).unwrap();
    let mut config = Config::default();
    config.times.backoff = Duration::from_millis(20);
    let store = MemoryCursor::new(cursor);
    Subscription::with_store(protocol, WebSockets::new(policy), TokioClock::new(), store, 5)
        .with_config(config)
}

async fn seq(stream: &mut Stream) -> u64 {
    match stream.next().await {
        Ok(StreamEvent::Message { seq, message: SubscribeLabelsMessage::Labels(labels) }) => {
            assert_eq!(seq, Some(labels.seq as u64));
            stream.handled(labels.seq as u64);
            labels.seq as u64
        }
        other => panic!("{other:?}"),
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(address: SocketAddr, query: &str, test: &'static str) -> Result<Socket, u16> {
    let stream = TcpStream::connect(address).await.unwrap();
    let request = Request::get(format!("ws://{address}{PATH}{query}"))
        .header("host", "a")
        .header("x-test", test)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==")
        .body(())
        .unwrap();
    match tokio_tungstenite::client_async(request, MaybeTlsStream::Plain(stream)).await {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// The next frame: `seq`, or the name of what else it is.
async fn frame(socket: &mut Socket) -> String {
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(bytes))) => {
                return match Frame::parse(&bytes, &Limits::OBJECT).unwrap() {
                    Frame::Message { t: "#labels", body } => {
                        let body = atproto_xrpc::stream::frame::Body::parse(body).unwrap();
                        body.seq().unwrap().unwrap().to_string()
                    }
                    Frame::Message { t, .. } => t.to_owned(),
                    Frame::Error { error, .. } => error.to_owned(),
                    Frame::Unknown { .. } => panic!(),
                };
            }
            Some(Ok(Message::Close(close))) => return format!("closed {}", u16::from(close.unwrap().code)),
            Some(Ok(_)) => {}
            end => return format!("{end:?}"),
        }
    }
}

#[test]
fn what_is_no_websocket_is_told_by_http() {
    run(async {
        let log = log(10, 1000);
        let router = router(&log, ServerConfig::default());
        let plain = ask(&router, get(PATH)).await;
        assert_eq!(error(&plain), refused(426, "InvalidRequest"));
        assert_eq!(plain.headers()["upgrade"], "websocket");
        let response = ask(&router, post(PATH, "application/json", "{}")).await;
        assert_eq!(error(&response), refused(405, "InvalidRequest"));
        let address = listen(router).await;
        assert_eq!(connect(address, "", "busy").await.unwrap_err(), 503);
        assert_eq!(connect(address, "", "fails").await.unwrap_err(), 500);
    });
}

#[test]
fn what_is_wrong_with_a_request_is_told_in_the_stream() {
    run(async {
        let log = log(10, 100_000);
        append(&log, 3);
        let address = listen(router(&log, ServerConfig::default())).await;
        for (query, test, expected) in [
            ("?cursor=x", "", "InvalidRequest"),
            ("?cursor=-1", "", "InvalidRequest"),
            ("?cursor=1&cursor=2", "", "InvalidRequest"),
            ("?cursor=9223372036854775808", "", "InvalidRequest"),
            ("", "auth", "AuthMissing"),
            ("?cursor=4", "", "FutureCursor"),
            ("?cursor=9223372036854775807", "", "FutureCursor"),
        ] {
            let mut socket = connect(address, query, test).await.unwrap();
            assert_eq!(frame(&mut socket).await, expected, "{query}");
            assert_eq!(frame(&mut socket).await, "closed 1008", "{query}");
            assert_eq!(frame(&mut socket).await, "None", "{query}");
        }
        let end = subscribe(address, Some(4)).next().await.unwrap_err();
        assert!(matches!(end, StreamError::FutureCursor { .. }), "{end:?}");
    });
}

#[test]
fn a_stream_goes_on_from_its_cursor() {
    run(async {
        let log = log(5, 100_000);
        append(&log, 8);
        let address = listen(router(&log, ServerConfig::default())).await;
        // Events 1 to 3 are gone.
        for (query, expected) in
            [("?cursor=0", "4"), ("?cursor=2", "#info"), ("?cursor=3", "4"), ("?cursor=5", "6")]
        {
            let mut socket = connect(address, query, "").await.unwrap();
            assert_eq!(frame(&mut socket).await, expected, "{query}");
        }
        let mut now = connect(address, "", "").await.unwrap();
        let mut last = connect(address, "?cursor=8", "").await.unwrap();
        append(&log, 1);
        assert_eq!((frame(&mut now).await, frame(&mut last).await), ("9".to_owned(), "9".to_owned()));
        let mut stream = subscribe(address, Some(2));
        assert!(matches!(stream.next().await, Ok(StreamEvent::OutdatedCursor { .. })));
        for expected in 5..=9 {
            assert_eq!(seq(&mut stream).await, expected);
        }
        append(&log, 1);
        assert_eq!(seq(&mut stream).await, 10);
    });
}

#[test]
fn nothing_is_lost_or_doubled_when_the_server_goes_away() {
    run(async {
        let log = log(100_000, 100_000_000);
        let first = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = first.local_addr().unwrap();
        // In front of the server, what cuts connections after some bytes.
        let server = listen(router(&log, ServerConfig::default())).await;
        let cuts = Arc::new(AtomicUsize::new(0));
        let count = cuts.clone();
        tokio::spawn(async move {
            loop {
                let (mut from, _) = first.accept().await.unwrap();
                let number = count.fetch_add(1, Ordering::SeqCst);
                let mut to = TcpStream::connect(server).await.unwrap();
                tokio::spawn(async move {
                    let time = Duration::from_millis(3 + 7 * (number as u64 % 5));
                    let _ =
                        tokio::time::timeout(time, tokio::io::copy_bidirectional(&mut from, &mut to)).await;
                });
            }
        });
        let source = log.clone();
        tokio::spawn(async move {
            for _ in 0..200 {
                append(&source, 10);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let mut stream = subscribe(address, Some(0));
        let mut next = 1;
        while next <= 2000 {
            match stream.next().await.unwrap() {
                StreamEvent::Message { seq: Some(seq), .. } => {
                    assert_eq!(seq, next);
                    stream.handled(seq);
                    next += 1;
                }
                StreamEvent::Lost { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(cuts.load(Ordering::SeqCst) > 1);
    });
}

#[test]
fn a_slow_consumer_is_told_and_takes_no_memory() {
    run(async {
        // It has room for 20 events of 64 KiB.
        let log = log(1000, 20 * 65_536);
        let address = listen(router(&log, ServerConfig::default())).await;
        let mut slow = connect(address, "?cursor=0", "").await.unwrap();
        let mut quick = connect(address, "", "").await.unwrap();
        append_large(&log);
        assert_eq!(frame(&mut slow).await, "1");
        assert_eq!(frame(&mut quick).await, "1");
        // While one reads nothing, the other one has all.
        for number in 2..=500 {
            append_large(&log);
            assert_eq!(frame(&mut quick).await, number.to_string());
        }
        let mut expected = 2;
        loop {
            let next = frame(&mut slow).await;
            if next == "ConsumerTooSlow" {
                break;
            }
            assert_eq!(next, expected.to_string());
            expected += 1;
        }
        assert!(expected < 490, "{expected}");
        assert_eq!(frame(&mut slow).await, "closed 1008");
        // Our subscription is told, and of the gap as well.
        let mut stream = subscribe(address, Some(1));
        assert!(matches!(stream.next().await, Ok(StreamEvent::OutdatedCursor { .. })));
    });
}

#[test]
fn a_consumer_that_takes_nothing_is_given_up() {
    run(async {
        let log = log(1000, 1 << 30);
        let config = ServerConfig {
            send_timeout: Duration::from_millis(300),
            max_consumers: 1,
            ..ServerConfig::default()
        };
        let address = listen(router(&log, config)).await;
        let stuck = connect(address, "?cursor=0", "").await.unwrap();
        assert_eq!(connect(address, "", "").await.unwrap_err(), 503);
        for _ in 0..500 {
            append_large(&log);
        }
        let start = Instant::now();
        loop {
            match connect(address, "", "").await {
                Ok(_) => break,
                Err(status) => assert_eq!(status, 503),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(start.elapsed() < Duration::from_secs(20));
        drop(stuck);
    });
}

#[test]
fn a_consumer_is_asked_whether_it_is_there() {
    run(async {
        let log = log(10, 100_000);
        let config = ServerConfig {
            ping_every: Duration::from_millis(50),
            pong_within: Duration::from_millis(200),
            ..ServerConfig::default()
        };
        let address = listen(router(&log, config)).await;
        // One that reads answers, and stays; what it says besides is not looked at.
        let mut there = connect(address, "", "").await.unwrap();
        there.send(Message::text("hello")).await.unwrap();
        there.send(Message::binary(vec![1, 2, 3])).await.unwrap();
        let mut dead = connect(address, "", "").await.unwrap();
        let quiet = tokio::time::timeout(Duration::from_millis(600), frame(&mut there)).await;
        assert!(quiet.is_err(), "{quiet:?}");
        append(&log, 1);
        assert_eq!(frame(&mut there).await, "1");
        // One that reads nothing is closed.
        while let Some(message) = dead.next().await {
            match message {
                Ok(Message::Ping(_)) => {}
                Ok(other) => panic!("{other:?}"),
                Err(_) => break,
            }
        }
        // What is too large is no message to be ignored.
        let _ = there.send(Message::binary(vec![0; 1 << 20])).await;
        while let Some(Ok(_)) = there.next().await {}
    });
}

/// A log of a program's that is wrong.
struct Bad(&'static [u64]);

impl EventLog for Bad {
    type Error = std::io::Error;

    async fn last(&self) -> Result<u64, std::io::Error> {
        Ok(9)
    }

    async fn read(&self, after: u64, _: Room) -> Result<Batch, std::io::Error> {
        if self.0.is_empty() {
            return Err(std::io::Error::other("the disk is full"));
        }
        let frame = atproto_xrpc::stream::frame::to_frame("#x", b"\xa0");
        let events = self.0.iter().filter(|_| after < 9);
        let events = events.map(|seq| Event { seq: *seq, frame: frame.clone().into() });
        Ok(Batch { gone: 0, events: events.collect() })
    }

    async fn changed(&self, _: u64) {}
}

#[test]
fn a_log_that_is_wrong_breaks_its_stream_alone() {
    run(async {
        for (seqs, expected) in [(&[][..], "closed 1011"), (&[1, 1], "closed 1011"), (&[1, 9], "#x")] {
            let told: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
            let note = told.clone();
            let router = XrpcRouter::new(Arc::new(Bad(seqs)))
                .subscription(async |log: Arc<Bad>, asked: Asked<SubscribeLabels>| {
                    Ok(Events::new(log, asked.params.cursor)?)
                })
                .on_failure(move |_, error| note.lock().unwrap().push(error.to_string()));
            let address = listen(router.into_router()).await;
            let mut socket = connect(address, "?cursor=0", "").await.unwrap();
            assert_eq!(frame(&mut socket).await, expected);
            assert_eq!(told.lock().unwrap().len(), usize::from(expected != "#x"));
            // One that says that there is more when there is nothing costs little: it is asked some times in a second.
            let more = tokio::time::timeout(Duration::from_millis(100), socket.next()).await;
            assert!(expected != "#x" || more.is_ok_and(|more| matches!(more, Some(Ok(Message::Binary(_))))));
        }
    });
}

#[test]
fn our_subscription_is_told_that_it_was_too_slow() {
    run(async {
        let log = log(2, 100_000);
        let address = listen(router(&log, ServerConfig::default())).await;
        let mut stream = subscribe(address, None);
        let first = tokio::time::timeout(Duration::from_millis(200), stream.next()).await;
        assert!(first.is_err());
        // Nobody runs between these: the consumer's task finds the first ones gone.
        append(&log, 5);
        match stream.next().await.unwrap() {
            StreamEvent::Lost { reason: Lost::Server { error, .. }, .. } => {
                assert_eq!(error, "ConsumerTooSlow")
            }
            other => panic!("{other:?}"),
        }
    });
}
