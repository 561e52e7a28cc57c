//! Hosts that want to be asked where nobody should, or to be waited for without an end.

use super::client::{get, head, says};
use super::net::{ALLOWED, Names, OTHER, Server, policy};
use super::{at_most, run};
use atproto_identity::adapters::{ReqwestClient, TokioClock};
use atproto_identity::dns::NoDns;
use atproto_identity::fetch_policy::Refusal;
use atproto_identity::{Config, DidDocument, Directory, FetchPolicy, Malformed, ResolveError};
use atproto_lexicon::http::{HttpClient, HttpErrorKind};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

const DID: &str = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const OK: &str = "HTTP/1.1 200 OK\r\n";

fn directory(
    policy: FetchPolicy,
    names: Names,
    url: impl Into<String>,
) -> Directory<ReqwestClient, NoDns, TokioClock> {
    let client = ReqwestClient::with_addresses(policy.clone(), names).unwrap();
    Directory::new(client, NoDns, TokioClock::new()).with_config(Config { plc_directory: url.into(), policy })
}

/// The document that a server gives, by the policy that allows its address.
async fn document(server: &Server) -> Result<DidDocument, ResolveError> {
    let directory = directory(policy(), Names::default(), format!("http://{}", server.address));
    directory.document(&DID.parse().unwrap()).await
}

/// A server that answers with a head, and then with the same bytes after each pause, for as long as they are taken; and how many
/// bytes it has sent.
async fn drips(head_bytes: &str, piece: Vec<u8>, pause: Duration) -> (Server, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let (count, head_bytes, piece) = (sent.clone(), head_bytes.to_owned(), Arc::new(piece));
    let server = Server::new(move |mut stream| {
        let (count, head_bytes, piece) = (count.clone(), head_bytes.clone(), piece.clone());
        async move {
            head(&mut stream).await;
            stream.write_all(head_bytes.as_bytes()).await.unwrap();
            while stream.write_all(&piece).await.is_ok() {
                count.fetch_add(piece.len(), Ordering::SeqCst);
                // The timer has no shorter pause than a millisecond.
                if pause.is_zero() { tokio::task::yield_now().await } else { sleep(pause).await }
            }
        }
    })
    .await;
    (server, sent)
}

#[test]
fn a_byte_a_second_is_too_slow() {
    run(async {
        let (server, _) =
            drips(&format!("{OK}Content-Length: 100\r\n\r\n"), b" ".into(), Duration::from_secs(1)).await;
        let start = Instant::now();
        let error = at_most(1500, document(&server)).await.unwrap_err();
        assert!(matches!(error, ResolveError::TooSlow), "{error:?}");
        assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
    });
}

#[test]
fn a_slow_redirect_is_in_the_time_of_the_first() {
    run(async {
        let server = Server::new(|mut stream| async move {
            while head(&mut stream).await.is_some() {
                sleep(Duration::from_millis(400)).await;
                let _ = stream
                    .write_all(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")
                    .await;
            }
        })
        .await;
        let error = at_most(1500, document(&server)).await.unwrap_err();
        assert!(matches!(error, ResolveError::TooSlow), "{error:?}");
    });
}

#[test]
fn a_body_without_an_end_is_too_large() {
    run(async {
        let whole = policy().max_body;
        for head in [
            format!("{OK}Connection: close\r\n\r\n"),
            format!("{OK}Content-Length: {}\r\n\r\n", u64::MAX / 2),
        ] {
            let (server, sent) = drips(&head, vec![b' '; 10_000], Duration::ZERO).await;
            let error = at_most(900, document(&server)).await.unwrap_err();
            assert!(matches!(error, ResolveError::TooLarge { limit } if limit == whole), "{error:?}");
            // No more is read than that, and what the system keeps for both.
            let sent = sent.load(Ordering::SeqCst);
            assert!(sent < 16 * whole, "{sent}");
        }
        let chunked = format!("{OK}Transfer-Encoding: chunked\r\n\r\n");
        let (server, _) =
            drips(&chunked, [b"3e8\r\n", &[b' '; 1000][..], b"\r\n"].concat().repeat(20), Duration::ZERO)
                .await;
        let error = at_most(900, document(&server)).await.unwrap_err();
        assert!(matches!(error, ResolveError::TooLarge { .. }), "{error:?}");
    });
}

#[test]
fn headers_without_an_end_are_no_response() {
    run(async {
        for (head, piece) in [(OK, &b"X-More: and more\r\n"[..]), (OK, b"x"), ("", b"HTTP"), (OK, b"A:\r\n ")]
        {
            let (server, sent) = drips(head, piece.repeat(5000), Duration::ZERO).await;
            let error = at_most(900, document(&server)).await.unwrap_err();
            assert!(matches!(error, ResolveError::Malformed(Malformed::Response)), "{error:?}");
            let sent = sent.load(Ordering::SeqCst);
            assert!(sent < 16 * 1024 * 1024, "{sent}");
        }
        // One byte at a time, it is time that ends them; so are answers that announce another.
        let (server, _) = drips(OK, b"x".into(), Duration::from_millis(50)).await;
        let error = at_most(1500, document(&server)).await.unwrap_err();
        assert!(matches!(error, ResolveError::TooSlow), "{error:?}");
        let (server, _) = drips("", b"HTTP/1.1 103 Early\r\n\r\n".into(), Duration::from_millis(1)).await;
        let error = at_most(1500, document(&server)).await.unwrap_err();
        assert!(
            matches!(error, ResolveError::TooSlow | ResolveError::Malformed(Malformed::Response)),
            "{error:?}"
        );
    });
}

#[test]
fn a_host_that_says_nothing_is_too_slow() {
    run(async {
        let server = Server::new(|stream| async move {
            sleep(Duration::from_secs(60)).await;
            drop(stream);
        })
        .await;
        let error = at_most(1500, document(&server)).await.unwrap_err();
        assert!(matches!(error, ResolveError::TooSlow), "{error:?}");
        // TLS is a part of the connection, and does not get more time than that.
        let names = Names::new([&[ALLOWED]]);
        let directory = directory(policy(), names, format!("https://a.example.com:{}", server.port()));
        let error = at_most(900, directory.document(&DID.parse().unwrap())).await.unwrap_err();
        assert!(matches!(error, ResolveError::TooSlow), "{error:?}");
        assert_eq!(server.connections(), 2);
    });
}

#[test]
fn a_response_that_is_cut_short_is_none() {
    run(async {
        let body = format!(r#"{{"id":"{DID}"}}"#);
        for answer in [
            String::new(),
            "HTTP/1.1 200".to_owned(),
            format!("{OK}Content-Length: {}\r\n\r\n{body}", body.len() + 1),
            format!("{OK}Content-Length: {}\r\n\r\n{body}", u64::MAX),
            format!("{OK}Content-Length: {}0\r\n\r\n{body}", u64::MAX),
            format!("{OK}Content-Length: -1\r\n\r\n{body}"),
            format!("{OK}Content-Length: 5\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
            format!("{OK}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n", body.len()),
            format!("{OK}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n{body}\r\n0\r\n\r\n"),
            "220 mail.example.com ESMTP\r\n".to_owned(),
        ] {
            let shown = answer.clone();
            let server = Server::new(move |mut stream| {
                let answer = answer.clone();
                async move {
                    head(&mut stream).await;
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            })
            .await;
            let error = at_most(900, document(&server)).await.unwrap_err();
            assert!(matches!(error, ResolveError::Malformed(Malformed::Response)), "{shown:?}: {error:?}");
        }
    });
}

#[test]
fn a_length_is_what_is_read() {
    run(async {
        let body = format!(r#"{{"id":"{DID}"}}"#);
        // Less than there is: what follows is no part of it, nor of the next response.
        let (server, asked) = says(format!("{OK}Content-Length: {}\r\n\r\n{body}{body}", body.len())).await;
        for _ in 0..2 {
            assert_eq!(at_most(900, document(&server)).await.unwrap().id.as_str(), DID);
        }
        assert_eq!((server.connections(), asked.lock().unwrap().len()), (2, 2));
        let (server, _) = says(format!("{OK}Content-Length: {}\r\n\r\n{body}", body.len() - 1)).await;
        let error = at_most(900, document(&server)).await.unwrap_err();
        assert!(matches!(error, ResolveError::Malformed(Malformed::Document)), "{error:?}");
    });
}

#[test]
fn redirects_end() {
    run(async {
        let (server, asked) =
            says("HTTP/1.1 301 Moved\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n").await;
        let error = at_most(900, document(&server)).await.unwrap_err();
        assert!(matches!(error, ResolveError::TooManyRedirects), "{error:?}");
        assert_eq!(asked.lock().unwrap().len(), 4);
    });
}

#[test]
fn redirects_lead_to_what_is_allowed() {
    run(async {
        let other = Server::at((OTHER, 0), |_| async {}).await;
        let address = |address: &str| Refusal::Address(address.parse().unwrap());
        let host = |host: &str| Refusal::Host(host.to_owned());
        for (location, expected) in [
            (format!("http://{}/", other.address), address("127.0.0.1")),
            (format!("https://{}/", other.address), address("127.0.0.1")),
            (format!("//{}/", other.address), address("127.0.0.1")),
            (format!("http://localhost:{}/", other.port()), address("127.0.0.1")),
            (format!("http://a.test:{}/", other.port()), address("127.0.0.1")),
            ("https://10.0.0.1/".to_owned(), address("10.0.0.1")),
            ("https://[::ffff:169.254.169.254]/".to_owned(), address("::ffff:169.254.169.254")),
            (format!("https://2130706433:{}/", other.port()), host("2130706433")),
            (format!("https://0x7f.1:{}/", other.port()), host("0x7f.1")),
            ("http://example.com/".to_owned(), Refusal::Scheme("http".to_owned())),
            ("https://a@example.com/".to_owned(), Refusal::User),
        ] {
            let (server, _) =
                says(format!("HTTP/1.1 307 X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")).await;
            let error = at_most(900, document(&server)).await.unwrap_err();
            assert!(
                matches!(&error, ResolveError::Refused(refusal) if *refusal == expected),
                "{location}: {error:?}"
            );
        }
        assert_eq!(other.connections(), 0);
    });
}

#[test]
fn a_name_is_checked_each_time_that_it_is_dialled() {
    run(async {
        let allowed = Server::new(|_| async {}).await;
        let other = Server::at((OTHER, allowed.port()), |_| async {}).await;
        // The second answer is another one.
        let names = Names::new([&[ALLOWED], &[OTHER]]);
        let url = format!("https://rebinding.example.com:{}", allowed.port());
        let changing = directory(policy(), names.clone(), &*url);
        let did = DID.parse().unwrap();
        let error = at_most(900, changing.document(&did)).await.unwrap_err();
        assert!(matches!(error, ResolveError::Unreachable { .. }), "{error:?}");
        assert_eq!((allowed.connections(), names.asked().len()), (1, 1));
        let error = at_most(900, changing.document(&did)).await.unwrap_err();
        let refusal = Refusal::Address(IpAddr::from(OTHER));
        assert!(matches!(&error, ResolveError::Refused(other) if *other == refusal), "{error:?}");
        assert_eq!(names.asked(), ["rebinding.example.com"]);
        // Of both at once, only the one is tried, also where nobody is there.
        let both = directory(policy(), Names::new([&[OTHER, ALLOWED]]), &*url);
        let error = at_most(900, both.document(&did)).await.unwrap_err();
        assert!(matches!(error, ResolveError::Unreachable { .. }), "{error:?}");
        assert_eq!(allowed.connections(), 2);
        drop(allowed);
        tokio::task::yield_now().await;
        let error = at_most(900, both.document(&did)).await.unwrap_err();
        assert!(matches!(error, ResolveError::Unreachable { .. }), "{error:?}");
        assert_eq!(other.connections(), 0);
    });
}

#[test]
fn a_public_name_does_not_lead_here() {
    run(async {
        let server = Server::at((OTHER, 0), |_| async {}).await;
        let names = Names::new([&[OTHER, [10, 0, 0, 1]]]);
        let url = format!("https://plc.example.com:{}", server.port());
        let directory = directory(FetchPolicy::default(), names.clone(), &*url);
        let error = at_most(900, directory.document(&DID.parse().unwrap())).await.unwrap_err();
        let refusal = Refusal::Address(IpAddr::from(OTHER));
        assert!(matches!(&error, ResolveError::Refused(other) if *other == refusal), "{error:?}");
        assert_eq!((names.asked(), server.connections()), (vec!["plc.example.com".to_owned()], 0));
        let client = ReqwestClient::with_addresses(FetchPolicy::default(), names).unwrap();
        let error = client.send(get(&url)).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Refused(IpAddr::from(OTHER)));
        // Neither does that of a did:web, or of a handle.
        for identifier in ["did:web:a.example.com", "a.example.com"] {
            let error = at_most(900, directory.resolve(&identifier.parse().unwrap())).await.unwrap_err();
            assert!(matches!(&error, ResolveError::Refused(other) if *other == refusal), "{error:?}");
        }
    });
}
