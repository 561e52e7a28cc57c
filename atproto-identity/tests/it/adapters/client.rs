//! What the client sends and gives, where the host is as it should be, and what it refuses to ask for.

use super::net::{ALLOWED, Names, OTHER, Server, Silence, policy};
use super::{at_most, run};
use atproto_identity::adapters::{ReqwestClient, TokioClock};
use atproto_identity::dns::NoDns;
use atproto_identity::fetch_policy::DevelopmentPolicy;
use atproto_identity::{Directory, FetchPolicy};
use atproto_lexicon::http::{Bytes, HttpClient, HttpError, HttpErrorKind, Request, Response, read_body};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Reads the head of a request; `None` where there is none any more.
pub async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// A server that answers each request of a connection with the same, and keeps what it was asked.
pub async fn says(answer: impl Into<Vec<u8>>) -> (Server, Arc<Mutex<Vec<String>>>) {
    let (answer, asked) = (Arc::new(answer.into()), Arc::new(Mutex::new(Vec::new())));
    let heard = asked.clone();
    let server = Server::new(move |mut stream| {
        let (answer, heard) = (answer.clone(), heard.clone());
        async move {
            while let Some(head) = head(&mut stream).await {
                heard.lock().unwrap().push(head);
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    (server, asked)
}

pub fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

async fn fetch(client: &ReqwestClient, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (parts, body) = client.send(request).await?.into_parts();
    Ok(Response::from_parts(parts, read_body(body, 1000).await?))
}

#[test]
fn a_response_comes_as_it_was_sent() {
    run(async {
        let (server, asked) = says(
            "HTTP/1.1 404 Not Found\r\nContent-Encoding: gzip\r\nSet-Cookie: a=b; Path=/\r\nSet-Cookie: c=d\r\n\
             Content-Length: 5\r\n\r\nplain",
        )
        .await;
        let client = ReqwestClient::with_addresses(policy(), Names::default()).unwrap();
        let url = format!("http://{}/path?q=%20", server.address);
        for _ in 0..2 {
            let response = at_most(900, fetch(&client, get(&url))).await.unwrap();
            assert_eq!((response.status().as_u16(), &response.body()[..]), (404, &b"plain"[..]));
            assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
            assert_eq!(response.headers()["content-encoding"], "gzip");
        }
        let request = Request::post(&url).header("X-Own", "1").body(Bytes::from_static(b"\r\n\r\n")).unwrap();
        fetch(&client, request).await.unwrap();
        // One connection; neither cookies nor anything else that was not asked for.
        assert_eq!(server.connections(), 1);
        let asked = asked.lock().unwrap();
        let expected = format!(
            "GET /path?q=%20 HTTP/1.1\r\nuser-agent: atproto/{}\r\naccept: */*\r\nhost: {}\r\n\r\n",
            env!("CARGO_PKG_VERSION"),
            server.address
        );
        let mut lines =
            [expected.as_str(), &asked[0], &asked[1]].map(|head| head.lines().collect::<Vec<_>>());
        lines.iter_mut().for_each(|lines| lines[1..].sort_unstable());
        assert!(lines[0] == lines[1] && lines[1] == lines[2], "{lines:?}");
        assert!(asked[2].starts_with("POST ") && asked[2].contains("x-own: 1\r\n"), "{}", asked[2]);
    });
}

#[test]
fn no_proxy_is_asked() {
    // Variables of the environment are those of a whole process.
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "adapters::client::a_response_comes_as_it_was_sent"]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        again.env(name, "http://127.0.0.1:1");
    }
    let done = again.env_remove("no_proxy").env_remove("NO_PROXY").output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn urls_are_refused_before_anybody_is_asked() {
    run(async {
        let names = Names::new([&[OTHER]]);
        let public = ReqwestClient::with_addresses(FetchPolicy::default(), names.clone()).unwrap();
        let local = ReqwestClient::with_addresses(policy(), names.clone()).unwrap();
        for url in [
            "http://example.com/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://127.1/",
            "https://0177.0.0.1/",
            "https://localhost/",
            "https://a.local/",
            "https://user@example.com/",
            "ftp://example.com/",
        ] {
            for client in [&public, &local] {
                // In development `localhost` is a name, which here leads to an address that is not allowed.
                if url == "https://localhost/" && std::ptr::eq(client, &local) {
                    continue;
                }
                let error = at_most(300, client.send(get(url))).await.unwrap_err();
                assert_eq!(error.kind(), HttpErrorKind::RefusedUrl, "{url}");
            }
        }
        for (url, address) in [
            ("https://127.0.0.1/", "127.0.0.1"),
            ("https://10.0.0.1/", "10.0.0.1"),
            ("https://[::ffff:169.254.169.254]/", "::ffff:169.254.169.254"),
            ("https://[::1]/", "::1"),
        ] {
            for client in [&public, &local] {
                let error = at_most(300, client.send(get(url))).await.unwrap_err();
                assert_eq!(error.kind(), HttpErrorKind::Refused(address.parse().unwrap()), "{url}");
            }
        }
        assert_eq!(names.asked(), [""; 0]);
    });
}

#[test]
fn names_of_this_machine_ask_nobody() {
    run(async {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\ndid:web:example.com";
        let server = Server::at((OTHER, 0), move |mut stream| async move {
            while head(&mut stream).await.is_some() {
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        })
        .await;
        let development = DevelopmentPolicy { port: Some(server.port()), ..DevelopmentPolicy::default() };
        let names = Names::new([&[ALLOWED]]);
        let client = ReqwestClient::with_addresses(development.clone().into(), names.clone()).unwrap();
        let directory = Directory::new(client.clone(), NoDns, TokioClock::new())
            .with_config(atproto_identity::Config { policy: development.into(), ..Default::default() });
        let handle = "alice.test".parse().unwrap();
        let did = at_most(900, directory.resolve_handle_unchecked(&handle)).await.unwrap();
        assert_eq!(did.as_str(), "did:web:example.com");
        let url = format!("http://localhost:{}/", server.port());
        assert_eq!(fetch(&client, get(&url)).await.unwrap().body().len(), 19);
        // And they lead nowhere else.
        let one = ReqwestClient::with_addresses(policy(), names.clone()).unwrap();
        let error = one.send(get(&url)).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Refused(IpAddr::from(OTHER)));
        assert_eq!(names.asked(), [""; 0]);
    });
}

#[test]
fn there_may_be_nobody() {
    run(async {
        let unknown = ReqwestClient::with_addresses(policy(), Names::default()).unwrap();
        let error = at_most(300, unknown.send(get("https://example.com/"))).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::UnknownHost);
        let silent = ReqwestClient::with_addresses(policy(), Silence).unwrap();
        let error = at_most(900, silent.send(get("https://example.com/"))).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::TimedOut);
        // A port at which nobody listens any more.
        let address = Server::new(|_| async {}).await.address;
        tokio::task::yield_now().await;
        let error = at_most(900, unknown.send(get(&format!("http://{address}/")))).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Connect);
    });
}

/// A server that answers the body of a request with its length.
async fn counts() -> Server {
    Server::new(|mut stream| async move {
        while let Some(head) = head(&mut stream).await {
            let length = head.to_ascii_lowercase().split("content-length: ").nth(1).and_then(|rest| {
                let digits = rest.split("\r\n").next()?;
                digits.parse::<usize>().ok()
            });
            let mut body = vec![0; length.unwrap()];
            if stream.read_exact(&mut body).await.is_err() {
                return;
            }
            let sum: u64 = body.iter().map(|byte| u64::from(*byte)).sum();
            let text = format!("{sum:>20}");
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{text}");
            drop(stream.write_all(answer.as_bytes()).await);
        }
    })
    .await
}

/// Pieces of one byte each.
struct Pieces(u32);

impl atproto_lexicon::http::Body for Pieces {
    async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        tokio::task::yield_now().await;
        match self.0.checked_sub(1) {
            Some(left) => {
                self.0 = left;
                Ok(Some(vec![1; 1000].into()))
            }
            None => Ok(None),
        }
    }
}

#[test]
fn a_body_is_sent_in_pieces() {
    run(async {
        let server = counts().await;
        let client = ReqwestClient::with_addresses(policy(), Names::default()).unwrap();
        let send = async |length: u64| {
            let request = Request::post(format!("http://{}/", server.address)).body(()).unwrap();
            let response = client.send_streaming(request, Pieces(300), length).await?;
            read_body(response.into_body(), 1000).await
        };
        let sum = send(300_000).await.unwrap();
        assert_eq!(std::str::from_utf8(&sum).unwrap().trim(), "300000");
        for wrong in [299_999, 300_001, 0] {
            let error = send(wrong).await.unwrap_err();
            assert_eq!(error.kind(), HttpErrorKind::BadLength, "{wrong}: {error:?}");
        }
        let refused = Request::post("http://example.com/").body(()).unwrap();
        let error = client.send_streaming(refused, Pieces(1), 1000).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::RefusedUrl);
    });
}
