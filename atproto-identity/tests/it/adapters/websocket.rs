//! Streams of a server that behaves, and of one that does not.

use super::net::{ALLOWED, Names, OTHER, Server, Silence, policy};
use super::{at_most, run};
use atproto_identity::FetchPolicy;
use atproto_identity::adapters::websocket::{MAX_MESSAGE, Message, Messages, StreamError, WebSocket};
use atproto_identity::fetch_policy::Refusal;
use futures_util::StreamExt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;

/// What a server is told to do.
enum Do {
    Text(String),
    Bytes(&'static [u8]),
    Wait(u64),
}

/// A frame as a server sends it: of an operation, the last of its message or not.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let len = payload.len();
    let mut frame = vec![first];
    match len {
        0..=125 => frame.push(len as u8),
        126..=0xffff => {
            frame.push(126);
            frame.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

pub fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(0x88, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// A server that sends this once it has shaken hands, and then keeps the connection for as long as the client does; what the
/// client sends comes out at the other end.
pub async fn sends(bytes: impl Into<Vec<u8>>) -> (Server, UnboundedReceiver<Vec<u8>>) {
    let (heard, hear) = unbounded_channel();
    let bytes = Arc::new(bytes.into());
    let server = Server::new(move |stream| serve(stream, bytes.clone(), heard.clone())).await;
    (server, hear)
}

async fn serve(stream: TcpStream, bytes: Arc<Vec<u8>>, heard: UnboundedSender<Vec<u8>>) {
    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let mut stream = socket.into_inner();
    let _ = stream.write_all(&bytes).await;
    let mut all = Vec::new();
    while let Ok(byte) = stream.read_u8().await {
        all.push(byte);
        let _ = heard.send(all.clone());
    }
}

async fn connect(server: &Server) -> Result<Messages, StreamError> {
    let url = format!("ws://{}/export/stream?cursor=1", server.address);
    at_most(1500, Messages::connect(&policy(), &Names::default(), &url)).await
}

async fn next(messages: &mut Messages) -> Result<Option<String>, StreamError> {
    at_most(900, messages.next()).await
}

#[test]
fn streams_go_to_other_threads() {
    fn check<T: Send>(task: T) -> T {
        task
    }
    drop(check(async {
        let mut messages = Messages::connect(&policy(), &Silence, "wss://example.com").await?;
        messages.next().await
    }));
}

#[test]
fn messages_come_one_by_one() {
    run(async {
        let largest = "x".repeat(MAX_MESSAGE);
        let all = [
            frame(0x81, b"{\"seq\":1}"),
            frame(0x89, b"ping"),
            // One in three pieces, and a pong between them.
            frame(0x01, b"a"),
            frame(0x00, "ü".as_bytes()),
            frame(0x8a, b""),
            frame(0x80, b"c"),
            frame(0x81, b""),
            frame(0x81, largest.as_bytes()),
            close(1000, ""),
        ];
        let (server, mut hear) = sends(all.concat()).await;
        let mut messages = connect(&server).await.unwrap();
        for expected in ["{\"seq\":1}", "aüc", "", &largest] {
            assert_eq!(next(&mut messages).await.unwrap().as_deref(), Some(expected));
        }
        // The server of this test does not hang up, and is not waited for long.
        for limit in [1500, 10] {
            assert_eq!(at_most(limit, messages.next()).await.unwrap(), None);
        }
        drop(messages);
        // The answer to the ping is in it, masked, and that to the end.
        let mut heard = Vec::new();
        while let Ok(Some(more)) = tokio::time::timeout(Duration::from_millis(300), hear.recv()).await {
            heard = more;
        }
        let pong: Vec<u8> = heard[6..10].iter().zip(&heard[2..6]).map(|(byte, mask)| byte ^ mask).collect();
        assert_eq!((&heard[..2], &pong[..]), (&[0x8a, 0x84][..], &b"ping"[..]));
        assert_eq!(heard[10], 0x88);
    });
}

#[test]
fn a_server_of_its_own_kind_is_understood() {
    run(async {
        use futures_util::sink::SinkExt;
        use tokio_tungstenite::tungstenite::Message;
        let server = Server::new(|stream| async move {
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            for number in 0..3 {
                socket.send(Message::text(format!("{number}"))).await.unwrap();
                socket.send(Message::Ping(vec![1, 2].into())).await.unwrap();
                assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong(vec![1, 2].into()));
            }
            let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
                code: 4000.into(),
                reason: "OutdatedCursor".into(),
            };
            socket.close(Some(frame)).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
        })
        .await;
        let mut messages = connect(&server).await.unwrap();
        for number in 0..3 {
            assert_eq!(next(&mut messages).await.unwrap(), Some(number.to_string()));
        }
        for _ in 0..2 {
            let error = next(&mut messages).await.unwrap_err();
            let StreamError::Closed { code, reason } = error else { panic!("{error:?}") };
            assert_eq!((code, reason.as_str()), (4000, "OutdatedCursor"));
        }
    });
}

#[test]
fn the_end_is_what_the_server_says() {
    run(async {
        for (bytes, expected) in [
            (frame(0x88, b""), None),
            (close(1000, ""), None),
            (close(1000, "OutdatedCursor"), Some((1000, "OutdatedCursor"))),
            (close(1008, "ConsumerTooSlow"), Some((1008, "ConsumerTooSlow"))),
            (close(1001, ""), Some((1001, ""))),
        ] {
            let (server, _) = sends(bytes).await;
            let mut messages = connect(&server).await.unwrap();
            let end = at_most(1500, messages.next()).await;
            match (expected, end) {
                (None, Ok(None)) => {}
                (Some(expected), Err(StreamError::Closed { code, reason })) => {
                    assert_eq!((code, reason.as_str()), expected);
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn what_is_no_text_is_malformed() {
    run(async {
        for bytes in [
            frame(0x82, b"binary"),
            frame(0x81, b"\xff"),
            frame(0x83, b"reserved"),
            frame(0xc1, b"compressed"),
            frame(0x80, b"the rest of nothing"),
            [frame(0x01, b"a"), frame(0x81, b"b")].concat(),
            frame(0x89, &[0; 126]),
            frame(0x88, b"x"),
            vec![0x81, 0x80, 0, 0, 0, 0],
        ] {
            let shown = bytes.clone();
            let (server, _) = sends([frame(0x81, b"first"), bytes].concat()).await;
            let mut messages = connect(&server).await.unwrap();
            assert_eq!(next(&mut messages).await.unwrap().as_deref(), Some("first"));
            for _ in 0..2 {
                let error = next(&mut messages).await.unwrap_err();
                assert!(matches!(error, StreamError::Malformed), "{shown:?}: {error:?}");
            }
        }
    });
}

#[test]
fn what_is_too_large_is_not_read() {
    run(async {
        let half = vec![b'x'; MAX_MESSAGE / 2 + 1];
        for bytes in [
            // Only the length is there.
            [&[0x81, 127][..], &(u64::MAX / 2).to_be_bytes()].concat(),
            frame(0x81, &vec![b'x'; MAX_MESSAGE + 1])[..10].to_vec(),
            [frame(0x01, &half), frame(0x80, &half)].concat(),
        ] {
            let (server, _) = sends(bytes).await;
            let mut messages = connect(&server).await.unwrap();
            let error = next(&mut messages).await.unwrap_err();
            assert!(matches!(error, StreamError::TooLarge { limit: MAX_MESSAGE }), "{error:?}");
        }
    });
}

/// A server that does these, and then says nothing.
async fn does(steps: impl IntoIterator<Item = Do>) -> Server {
    let steps: Arc<Vec<Do>> = Arc::new(steps.into_iter().collect());
    Server::new(move |stream| {
        let steps = steps.clone();
        async move {
            let mut stream = tokio_tungstenite::accept_async(stream).await.unwrap().into_inner();
            for step in steps.iter() {
                let done = match step {
                    Do::Text(text) => stream.write_all(&frame(0x81, text.as_bytes())).await,
                    Do::Bytes(bytes) => stream.write_all(bytes).await,
                    Do::Wait(millis) => {
                        sleep(Duration::from_millis(*millis)).await;
                        Ok(())
                    }
                };
                if done.is_err() {
                    return;
                }
            }
            sleep(Duration::from_secs(60)).await;
        }
    })
    .await
}

#[test]
fn silence_ends() {
    run(async {
        // A ping is a sign of life; fragments are none, as they could go on forever.
        let pings = [Do::Wait(200), Do::Bytes(b"\x89\0"), Do::Wait(200), Do::Bytes(b"\x89\0"), Do::Wait(200)];
        let server = does(pings.into_iter().chain([Do::Text("late".to_owned())])).await;
        let mut messages =
            connect(&server).await.unwrap().with_idle_timeout(Some(Duration::from_millis(400)));
        assert_eq!(next(&mut messages).await.unwrap().as_deref(), Some("late"));
        // Who takes long over a message takes it from nobody.
        sleep(Duration::from_millis(500)).await;
        for _ in 0..2 {
            let error = next(&mut messages).await.unwrap_err();
            assert!(matches!(error, StreamError::TimedOut), "{error:?}");
        }
        let mut endless = vec![Do::Bytes(b"\x01\x01a")];
        (0..100).for_each(|_| endless.extend([Do::Bytes(b"\x00\x00"), Do::Wait(20)]));
        let server = does(endless).await;
        let mut messages =
            connect(&server).await.unwrap().with_idle_timeout(Some(Duration::from_millis(300)));
        let error = next(&mut messages).await.unwrap_err();
        assert!(matches!(error, StreamError::TimedOut), "{error:?}");
    });
}

#[test]
fn a_dropped_future_loses_nothing() {
    run(async {
        let mut steps = Vec::new();
        for number in 0..20 {
            let text = frame(0x81, format!("message {number}").as_bytes());
            let (first, second): (&'static [u8], _) = {
                let text: &'static [u8] = text.leak();
                text.split_at(3)
            };
            steps.extend([Do::Bytes(first), Do::Wait(7), Do::Bytes(second)]);
        }
        let server = does(steps).await;
        let mut messages = connect(&server).await.unwrap();
        let mut found = Vec::new();
        while found.len() < 20 {
            if let Ok(next) = tokio::time::timeout(Duration::from_millis(2), messages.next()).await {
                found.push(next.unwrap().unwrap());
            }
        }
        assert!(
            found.iter().enumerate().all(|(number, text)| *text == format!("message {number}")),
            "{found:?}"
        );
        // Silence is counted from when it began, however often it is asked.
        let mut messages = messages.with_idle_timeout(Some(Duration::from_millis(200)));
        let asked = async {
            loop {
                if let Ok(end) = tokio::time::timeout(Duration::from_millis(50), messages.next()).await {
                    return end;
                }
            }
        };
        assert!(matches!(at_most(900, asked).await, Err(StreamError::TimedOut)));
    });
}

#[test]
fn a_connection_that_breaks_is_not_an_end() {
    run(async {
        let server = Server::new(|stream| async move {
            let mut stream = tokio_tungstenite::accept_async(stream).await.unwrap().into_inner();
            stream.write_all(&frame(0x81, b"whole")).await.unwrap();
            stream.write_all(&frame(0x81, b"half of it")[..5]).await.unwrap();
        })
        .await;
        let mut messages = connect(&server).await.unwrap();
        assert_eq!(next(&mut messages).await.unwrap().as_deref(), Some("whole"));
        for _ in 0..2 {
            let error = next(&mut messages).await.unwrap_err();
            assert!(matches!(error, StreamError::Unreachable { status: None, .. }), "{error:?}");
        }
    });
}

#[test]
fn what_shakes_no_hands_is_no_stream() {
    run(async {
        let says = async |answer: &'static str| {
            Server::new(move |mut stream| async move {
                stream.write_all(answer.as_bytes()).await.unwrap();
                sleep(Duration::from_secs(60)).await;
            })
            .await
        };
        for status in [302, 404, 429, 503] {
            let server = says(match status {
                302 => "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
                404 => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                429 => "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
                _ => "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
            })
            .await;
            let error = connect(&server).await.unwrap_err();
            assert!(
                matches!(error, StreamError::Unreachable { status: Some(s), .. } if s == status),
                "{error:?}"
            );
        }
        for answer in ["220 mail.example.com ESMTP\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n"] {
            let error = connect(&says(answer).await).await.unwrap_err();
            assert!(matches!(error, StreamError::Malformed), "{answer:?}: {error:?}");
        }
        // Nothing at all, and headers without an end.
        let error = connect(&says("").await).await.unwrap_err();
        assert!(matches!(error, StreamError::TimedOut), "{error:?}");
        let server = Server::new(|mut stream| async move {
            let _ = stream.write_all(b"HTTP/1.1 101 Switching\r\n").await;
            while stream.write_all(b"X-More: and more\r\n").await.is_ok() {}
        })
        .await;
        let error = connect(&server).await.unwrap_err();
        assert!(matches!(error, StreamError::Malformed), "{error:?}");
    });
}

#[test]
fn only_what_is_allowed_is_dialled() {
    run(async {
        let other = Server::at((OTHER, 0), |_| async {}).await;
        let names = Names::new([&[OTHER]]);
        let port = other.port();
        let address = |address: [u8; 4]| Refusal::Address(IpAddr::from(address));
        let host = |host: &str| Refusal::Host(host.to_owned());
        for (policy, url, expected) in [
            (policy(), format!("wss://a.example.com:{port}"), address(OTHER)),
            (FetchPolicy::default(), format!("wss://a.example.com:{port}"), address(OTHER)),
            (policy(), format!("ws://localhost:{port}"), address(OTHER)),
            (policy(), format!("ws://127.0.0.1:{port}"), address(OTHER)),
            (FetchPolicy::default(), "wss://10.0.0.1".to_owned(), address([10, 0, 0, 1])),
            (FetchPolicy::default(), format!("wss://2130706433:{port}"), host("2130706433")),
            (FetchPolicy::default(), format!("wss://localhost:{port}"), host("localhost")),
            (FetchPolicy::default(), "ws://example.com".to_owned(), Refusal::Scheme("ws".to_owned())),
            (policy(), "https://example.com".to_owned(), Refusal::Scheme("https".to_owned())),
            (policy(), "wss://a@example.com".to_owned(), Refusal::User),
            (policy(), "wss://example.com:99999".to_owned(), Refusal::Url),
            (policy(), "no url".to_owned(), Refusal::Url),
            (policy(), String::new(), Refusal::Url),
        ] {
            let error = at_most(300, Messages::connect(&policy, &names, &url)).await.unwrap_err();
            assert!(
                matches!(&error, StreamError::Refused(refusal) if *refusal == expected),
                "{url}: {error:?}"
            );
        }
        assert_eq!((names.asked().len(), other.connections()), (2, 0));
        // Resolved once, and of several addresses the allowed one: where it begins TLS, and nobody else does.
        let (hello, mut first) = unbounded_channel();
        let server = Server::at((ALLOWED, port), move |mut stream| {
            let hello = hello.clone();
            async move { hello.send(stream.read_u8().await.unwrap()).unwrap() }
        })
        .await;
        let names = Names::new([&[OTHER, ALLOWED], &[OTHER]]);
        let url = format!("wss://a.example.com:{port}");
        let error = at_most(900, Messages::connect(&policy(), &names, &url)).await.unwrap_err();
        assert!(matches!(error, StreamError::Unreachable { .. }), "{error:?}");
        assert_eq!((names.asked().len(), server.connections(), other.connections()), (1, 1, 0));
        assert_eq!(first.try_recv(), Ok(0x16));
        for (unresolved, is_timeout) in [(false, false), (true, true)] {
            let error = if unresolved {
                at_most(900, Messages::connect(&policy(), &Silence, &url)).await.unwrap_err()
            } else {
                at_most(300, Messages::connect(&policy(), &Names::default(), &url)).await.unwrap_err()
            };
            assert_eq!(matches!(error, StreamError::TimedOut), is_timeout, "{error:?}");
        }
    });
}

#[test]
fn bytes_and_texts_come_as_they_are_sent() {
    run(async {
        let largest = vec![0xa0; 200_000];
        let all = [
            frame(0x82, &largest),
            frame(0x89, b"ping"),
            frame(0x81, "ü".as_bytes()),
            frame(0x02, b"a"),
            frame(0x80, b"b"),
            frame(0x82, &vec![0; 200_001]),
        ];
        let (server, mut hear) = sends(all.concat()).await;
        let url = format!("ws://{}", server.address);
        let (policy, names) = (policy(), Names::default());
        let connected = WebSocket::connect(&policy, &names, &url, largest.len());
        let mut socket = at_most(1500, connected).await.unwrap();
        let sent = [
            Message::Binary(largest.into()),
            Message::Alive,
            Message::Text("ü".into()),
            Message::Binary(b"ab".as_slice().into()),
        ];
        for expected in sent {
            assert_eq!(at_most(900, socket.recv()).await.unwrap(), Some(expected));
        }
        at_most(900, socket.ping()).await.unwrap();
        for _ in 0..2 {
            let error = at_most(900, socket.recv()).await.unwrap_err();
            assert!(matches!(error, StreamError::TooLarge { limit: 200_000 }), "{error:?}");
        }
        at_most(1500, socket.close()).await;
        let mut heard = Vec::new();
        while let Ok(Some(more)) = tokio::time::timeout(Duration::from_millis(300), hear.recv()).await {
            heard = more;
        }
        // The answer, and a question.
        assert_eq!((&heard[..2], &heard[10..12]), (&[0x8a, 0x84][..], &[0x89, 0x80][..]));
    });
}

#[test]
fn a_host_says_for_how_long_it_is_busy() {
    run(async {
        let server = Server::new(move |mut stream| async move {
            let answer = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
            sleep(Duration::from_secs(60)).await;
        })
        .await;
        let error = connect(&server).await.unwrap_err();
        let StreamError::Unreachable { status, retry_after, .. } = error else { panic!("{error:?}") };
        assert_eq!((status, retry_after), (Some(429), Some(Duration::from_secs(17))));
    });
}
