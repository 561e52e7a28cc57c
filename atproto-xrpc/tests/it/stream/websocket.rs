//! Subscriptions over real sockets, on loopback.

use atproto_identity::FetchPolicy;
use atproto_identity::adapters::TokioClock;
use atproto_identity::fetch_policy::DevelopmentPolicy;
use atproto_xrpc::api::com::atproto::label::subscribe_labels::{
    Labels, SubscribeLabels, SubscribeLabelsMessage,
};
use atproto_xrpc::stream::frame::to_message;
use atproto_xrpc::stream::{
    Config, Lexicon, Lost, SocketError, StreamError, StreamEvent, Subscription, WebSockets,
};
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

type Stream = Subscription<Lexicon<SubscribeLabels>, WebSockets, TokioClock>;

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), future).await.unwrap() })
}

fn event(seq: u64) -> Message {
    let message = SubscribeLabelsMessage::from(Labels::new(seq as i64, Vec::new()));
    Message::binary(to_message::<SubscribeLabels>(&message).unwrap())
}

fn subscribe(address: std::net::SocketAddr) -> Stream {
    let policy = FetchPolicy::from(DevelopmentPolicy::default());
    let protocol = Lexicon::new(&format!("http://{address}"), &SubscribeLabels::default()).unwrap();
    let mut config = Config::default();
    config.times.backoff = Duration::from_millis(20);
    Subscription::new(protocol, WebSockets::new(policy), TokioClock::new(), 5).with_config(config)
}

async fn listen() -> (TcpListener, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The next connection, and what it asked for.
#[allow(clippy::result_large_err, reason = "the type of the error is the library's")]
async fn accept(listener: &TcpListener) -> (WebSocketStream<TcpStream>, String) {
    let (stream, _) = listener.accept().await.unwrap();
    let mut asked = String::new();
    let note = |request: &Request, response: Response| {
        asked = request.uri().to_string();
        Ok(response)
    };
    let socket = tokio_tungstenite::accept_hdr_async(stream, note).await.unwrap();
    (socket, asked)
}

async fn seq(stream: &mut Stream) -> u64 {
    match stream.next().await {
        Ok(StreamEvent::Message { seq, .. }) => seq.unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn lost(stream: &mut Stream) -> Lost {
    match stream.next().await {
        Ok(StreamEvent::Lost { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn events_come_over_a_socket_that_breaks() {
    run(async {
        let (listener, address) = listen().await;
        let server = async {
            let path = "/xrpc/com.atproto.label.subscribeLabels";
            let (mut socket, asked) = accept(&listener).await;
            assert_eq!(asked, path);
            for message in [event(1), Message::Ping(vec![7].into()), event(2)] {
                socket.send(message).await.unwrap();
            }
            assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong(vec![7].into()));
            // In the middle of a frame.
            socket.into_inner().write_all(&[0x82, 100, 1, 2, 3]).await.unwrap();
            // A text, a frame that is too large, a close with a reason.
            let closed = tokio_tungstenite::tungstenite::protocol::CloseFrame {
                code: 1008.into(),
                reason: "ConsumerTooSlow".into(),
            };
            for (number, bad) in
                [Message::text("{}"), Message::binary(vec![0; 6_000_000]), Message::Close(Some(closed))]
                    .into_iter()
                    .enumerate()
            {
                let (mut socket, asked) = accept(&listener).await;
                let cursor = number as u64 + 2;
                assert_eq!(asked, format!("{path}?cursor={cursor}"));
                socket.send(event(cursor)).await.unwrap();
                socket.send(event(cursor + 1)).await.unwrap();
                let _ = socket.send(bad).await;
                while let Some(Ok(_)) = socket.next().await {}
            }
        };
        let client = async {
            let mut stream = subscribe(address);
            assert_eq!((seq(&mut stream).await, seq(&mut stream).await), (1, 2));
            let reason = lost(&mut stream).await;
            assert!(matches!(reason, Lost::Socket(SocketError::Unreachable(_))), "{reason:?}");
            assert_eq!(seq(&mut stream).await, 3);
            assert!(matches!(lost(&mut stream).await, Lost::Kind));
            assert_eq!(seq(&mut stream).await, 4);
            let reason = lost(&mut stream).await;
            assert!(matches!(reason, Lost::Socket(SocketError::TooLarge { limit: 5_000_000 })), "{reason:?}");
            assert_eq!(seq(&mut stream).await, 5);
            let reason = lost(&mut stream).await;
            let Lost::Socket(SocketError::Closed { code, reason }) = reason else { panic!("{reason:?}") };
            assert_eq!((code, reason.as_str()), (1008, "ConsumerTooSlow"));
        };
        tokio::join!(server, client);
    });
}

#[test]
fn a_silent_server_is_asked_by_a_ping() {
    run(async {
        let (listener, address) = listen().await;
        let server = async {
            let (mut socket, _) = accept(&listener).await;
            // What answers is there, and what does not is not.
            for _ in 0..3 {
                assert!(matches!(socket.next().await, Some(Ok(Message::Ping(_)))));
            }
            socket.send(event(1)).await.unwrap();
            tokio::time::sleep(Duration::from_secs(2)).await;
        };
        let client = async {
            let mut config = Config::default();
            config.times.idle = Some(Duration::from_millis(300));
            let mut stream = subscribe(address).with_config(config);
            assert_eq!(seq(&mut stream).await, 1);
            let start = Instant::now();
            assert!(matches!(lost(&mut stream).await, Lost::Idle));
            assert!(start.elapsed() >= Duration::from_millis(290));
        };
        tokio::select! {
            () = server => panic!("the client waits"),
            () = client => {}
        }
    });
}

#[test]
fn a_server_that_refuses_is_heard() {
    run(async {
        let (listener, address) = listen().await;
        let server = async {
            for answer in [
                "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n",
            ] {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let client = async {
            let mut stream = subscribe(address);
            match stream.next().await {
                Ok(StreamEvent::Lost { retry_in, .. }) => assert_eq!(retry_in, Duration::from_secs(1)),
                other => panic!("{other:?}"),
            }
            let end = stream.next().await.unwrap_err();
            let is_final = matches!(end, StreamError::Refused(SocketError::Status { status: 501, .. }));
            assert!(is_final, "{end:?}");
        };
        tokio::join!(server, client);
        // The public policy does not go to this machine at all.
        let protocol = Lexicon::new("wss://127.0.0.1", &SubscribeLabels::default()).unwrap();
        let mut stream =
            Subscription::new(protocol, WebSockets::new(FetchPolicy::default()), TokioClock::new(), 5);
        let end = stream.next().await.unwrap_err();
        assert!(matches!(end, StreamError::Refused(SocketError::Refused(_))), "{end:?}");
    });
}

#[test]
fn a_slow_consumer_slows_the_server() {
    run(async {
        let (listener, address) = listen().await;
        let sent = Arc::new(AtomicUsize::new(0));
        let count = sent.clone();
        let server = tokio::spawn(async move {
            let (mut socket, _) = accept(&listener).await;
            for seq in 1..=2000u64 {
                // 64 KiB each, most of it in a field that is not known.
                let body = atproto_lexicon::data::Object::from([
                    ("seq".into(), atproto_lexicon::data::Value::Integer(seq as i64)),
                    ("labels".into(), atproto_lexicon::data::Value::Array(Vec::new())),
                    ("more".into(), "x".repeat(65_000).as_str().into()),
                ]);
                let body = atproto_lexicon::data::cbor::to_vec(&body).unwrap();
                let frame = atproto_xrpc::stream::frame::to_frame("#labels", &body);
                if socket.send(Message::binary(frame)).await.is_err() {
                    return;
                }
                count.fetch_add(1, Ordering::SeqCst);
            }
            while let Some(Ok(_)) = socket.next().await {}
        });
        let mut stream = subscribe(address);
        assert_eq!(seq(&mut stream).await, 1);
        let mut before = usize::MAX;
        // Until the system's own buffers are full.
        while before != sent.load(Ordering::SeqCst) {
            before = sent.load(Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(before < 1000, "{before}");
        for expected in 2..=2000 {
            assert_eq!(seq(&mut stream).await, expected);
        }
        stream.close().await.unwrap();
        server.await.unwrap();
    });
}
