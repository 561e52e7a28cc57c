//! A typed call beside the bare HTTP client, on loopback: `cargo bench -p benches --bench client`.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a benchmark may panic"
)]

#[allow(dead_code, reason = "other benchmarks use more of it")]
mod timing;

use atproto_identity::FetchPolicy;
use atproto_identity::fetch_policy::DevelopmentPolicy;
use atproto_lexicon::http::{Bytes, HttpClient, Request, read_body};
use atproto_xrpc::adapters::{ReqwestClient, client_with};
use atproto_xrpc::api::com::atproto::repo::GetRecord;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// Calls in a measured piece.
const CALLS: usize = 200;

const RECORD: &str = r#"{"uri":"at://did:web:example.com/app.bsky.feed.post/3kabcdefghi2a",
    "cid":"bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u",
    "value":{"$type":"app.bsky.feed.post","text":"What a typed call costs above a bare one, on a post of the usual length.",
    "langs":["en"],"createdAt":"2026-01-02T03:04:05.678Z"}}"#;

fn main() {
    let address = serve();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _guard = runtime.enter();
    let policy = || FetchPolicy::from(DevelopmentPolicy::default());
    let url = format!("http://{address}");
    let http = ReqwestClient::new(policy()).unwrap();
    let client = client_with(policy(), url.parse().unwrap()).unwrap();
    let get = GetRecord::new(
        "did:web:example.com".parse().unwrap(),
        "app.bsky.feed.post".parse().unwrap(),
        "3kabcdefghi2a".parse().unwrap(),
    );
    let target = format!(
        "{url}/xrpc/com.atproto.repo.getRecord?repo=did%3Aweb%3Aexample.com&collection=app.bsky.feed.post&rkey=3kabcdefghi2a"
    );
    let bare = || {
        runtime.block_on(async {
            for _ in 0..CALLS {
                let request =
                    Request::get(&target).header("accept", "application/json").body(Bytes::new()).unwrap();
                let response = http.send(request).await.unwrap();
                assert_eq!(read_body(response.into_body(), 10_000).await.unwrap().len(), RECORD.len());
            }
        });
    };
    let typed = || {
        runtime.block_on(async {
            for _ in 0..CALLS {
                let reply = client.send(&get).await.unwrap();
                assert_eq!(reply.output.value.len(), 4);
            }
        });
    };
    let (base, ours, ratio) = timing::paired(41, bare, typed);
    let micros = |time: std::time::Duration| time.as_secs_f64() / CALLS as f64 * 1e6;
    println!("a call on loopback: {:.0} µs bare, {:.0} µs typed", micros(base), micros(ours));
    timing::report("a typed call, × the bare HTTP client on loopback", ratio, 1.1);
}

/// A server that says the same to every request.
fn serve() -> std::net::SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let response = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{RECORD}",
        RECORD.len()
    );
    let (mut buffer, mut filled) = ([0; 4096], 0);
    loop {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) | Err(_) => return,
            Ok(read) => filled += read,
        }
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            filled = 0;
            if stream.write_all(response.as_bytes()).is_err() {
                return;
            }
        }
    }
}
