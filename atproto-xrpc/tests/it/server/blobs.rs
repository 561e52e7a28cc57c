//! Bytes in and out.

use super::{ask, client, error, get, listen, post, refused, run};
use atproto_lexicon::data::{Blob, Cid, Codec, Object};
use atproto_lexicon::http::{Body as Pieces, Bytes, HttpError, HttpErrorKind};
use atproto_xrpc::api::com::atproto::repo::upload_blob::{UploadBlob, UploadBlobOutput};
use atproto_xrpc::api::com::atproto::sync::get_blob::{GetBlob, GetBlobError};
use atproto_xrpc::api::com::atproto::sync::get_repo::{GetRepo, GetRepoError};
use atproto_xrpc::server::{Asked, AskedUpload, Download, ServeError, ServerConfig, XrpcRouter};
use axum::Router;
use axum::body::Body;
use futures_util::stream;
use http::HeaderValue;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const UPLOAD: &str = "/xrpc/com.atproto.repo.uploadBlob";
const LIMIT: u64 = 10_000_000;

#[derive(Default)]
struct Store {
    /// Types and lengths of what came as a whole, and the reasons of what did not.
    came: Mutex<Vec<String>>,
    /// How many pieces were made.
    made: Arc<AtomicUsize>,
}

async fn upload(
    store: Arc<Store>,
    mut asked: AskedUpload<UploadBlob>,
) -> Result<UploadBlobOutput, ServeError> {
    let (mut length, mut first) = (0, None);
    let end = loop {
        match asked.input.chunk().await {
            Ok(Some(piece)) => {
                length += piece.len();
                first.get_or_insert(piece);
            }
            end => break end,
        }
    };
    let media_type = asked.input.media_type();
    let said = asked.input.length();
    let came = match &end {
        Ok(_) => format!("{media_type} {length} of {said:?}"),
        Err(refusal) => refusal.error().to_owned(),
    };
    store.came.lock().unwrap().push(came);
    end?;
    let cid = Cid::of(Codec::Raw, &first.unwrap_or_default());
    let blob = Blob { cid, mime_type: media_type.to_owned(), size: length as u64, extra: Object::new() };
    Ok(UploadBlobOutput::new(blob.into()))
}

/// As many bytes as are wanted, made when they are asked for.
struct Made {
    left: usize,
    breaks: bool,
    made: Arc<AtomicUsize>,
}

impl Pieces for Made {
    async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        self.made.fetch_add(1, Ordering::SeqCst);
        if self.left == 0 {
            return if self.breaks { Err(HttpErrorKind::Broken.into()) } else { Ok(None) };
        }
        let piece = self.left.min(65_536);
        self.left -= piece;
        Ok(Some(vec![7; piece].into()))
    }
}

async fn repo(store: Arc<Store>, asked: Asked<GetRepo>) -> Result<Download<Made>, ServeError<GetRepoError>> {
    let made = store.made.clone();
    Ok(match asked.params.did.as_str() {
        "did:web:large.example" => Download::car(Made { left: 1 << 30, breaks: false, made }),
        "did:web:said.example" => {
            Download::car(Made { left: 1 << 20, breaks: false, made }).with_length(1 << 20)
        }
        "did:web:short.example" => {
            Download::car(Made { left: 1 << 20, breaks: false, made }).with_length(1 << 21)
        }
        "did:web:breaks.example" => Download::car(Made { left: 1 << 20, breaks: true, made }),
        "did:web:wrong.example" => Download::new("text/html", Made { left: 1, breaks: false, made }),
        _ => return Err(ServeError::named(GetRepoError::RepoNotFound, "no such repository")),
    })
}

async fn blob(_: Arc<Store>, asked: Asked<GetBlob>) -> Result<Download, ServeError<GetBlobError>> {
    let media_type = match asked.params.did.as_str() {
        "did:web:wrong.example" => "no type",
        "did:web:split.example" => "text/html\r\nx: y",
        _ => "text/html",
    };
    Ok(Download::new(media_type, Bytes::from_static(b"<script>")))
}

fn router(store: &Arc<Store>) -> Router {
    let config = ServerConfig {
        body_timeout: Duration::from_millis(500),
        upload_timeout: Duration::from_secs(3),
        ..ServerConfig::default()
    };
    let router = XrpcRouter::new(store.clone()).with_config(config);
    router.upload(LIMIT, upload).download(repo).download(blob).into_router()
}

#[test]
fn an_upload_is_looked_at_before_it_is_read() {
    run(async {
        let store: Arc<Store> = Arc::default();
        let router = router(&store);
        let pending = || Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let mut large = post(UPLOAD, "image/png", pending());
        large.headers_mut().insert("content-length", HeaderValue::from(LIMIT + 1));
        assert_eq!(error(&ask(&router, large).await), refused(413, "PayloadTooLarge"));
        let mut untyped = post(UPLOAD, "x", pending());
        assert_eq!(error(&ask(&router, untyped).await), refused(400, "InvalidRequest"));
        untyped = post(UPLOAD, "image/png", pending());
        untyped.headers_mut().remove("content-type");
        assert_eq!(error(&ask(&router, untyped).await), refused(400, "InvalidRequest"));
        let mut compressed = post(UPLOAD, "image/png", pending());
        compressed.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
        assert_eq!(error(&ask(&router, compressed).await), refused(415, "UnsupportedMediaType"));
        assert!(store.came.lock().unwrap().is_empty());
        // What is not said is counted.
        let pieces = |number: u64| {
            let pieces = (0..number).map(|_| Ok::<_, std::io::Error>(vec![0; 100_000]));
            Body::from_stream(stream::iter(pieces.collect::<Vec<_>>()))
        };
        assert_eq!(ask(&router, post(UPLOAD, "Image/PNG; a=b", pieces(100))).await.status(), 200);
        assert_eq!(
            error(&ask(&router, post(UPLOAD, "image/png", pieces(101))).await),
            refused(413, "PayloadTooLarge")
        );
        assert_eq!(
            error(&ask(&router, post(UPLOAD, "image/png", pending())).await),
            refused(408, "RequestTimeout")
        );
        // One that always sends a little more, and never ends.
        let trickle = Body::from_stream(stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Some((Ok::<_, std::io::Error>(vec![0]), ()))
        }));
        assert_eq!(
            error(&ask(&router, post(UPLOAD, "image/png", trickle)).await),
            refused(408, "RequestTimeout")
        );
        let came = std::mem::take(&mut *store.came.lock().unwrap());
        assert_eq!(
            came,
            ["image/png 10000000 of None", "PayloadTooLarge", "RequestTimeout", "RequestTimeout"]
        );
    });
}

#[test]
fn our_client_uploads() {
    run(async {
        let store: Arc<Store> = Arc::default();
        let client = client(listen(router(&store)).await);
        let sent = client.send_bytes(&UploadBlob, "image/png", vec![1, 2, 3]).await.unwrap();
        let blob = serde_json::to_value(&sent.output.blob).unwrap();
        assert_eq!((blob["mimeType"].as_str(), blob["size"].as_u64()), (Some("image/png"), Some(3)));
        let body = Made { left: 5_000_000, breaks: false, made: Arc::default() };
        client.send_streaming(&UploadBlob, "video/mp4", body, 5_000_000).await.unwrap();
        let large =
            client.send_bytes(&UploadBlob, "image/png", vec![0; LIMIT as usize + 1]).await.unwrap_err();
        assert_eq!(large.name(), Some("PayloadTooLarge"));
        let came = std::mem::take(&mut *store.came.lock().unwrap());
        assert_eq!(came, ["image/png 3 of Some(3)", "video/mp4 5000000 of Some(5000000)"]);
    });
}

#[test]
fn a_sender_that_goes_away_has_sent_nothing() {
    run(async {
        let store: Arc<Store> = Arc::default();
        let address = listen(router(&store)).await;
        for head in ["content-length: 1000000", "transfer-encoding: chunked"] {
            let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
            let head =
                format!("POST {UPLOAD} HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\n{head}\r\n\r\n");
            socket.write_all(head.as_bytes()).await.unwrap();
            socket.write_all(b"5\r\nabcde\r\n").await.unwrap();
            drop(socket);
        }
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if store.came.lock().unwrap().len() == 2 {
                break;
            }
        }
        // What hyper does not drop is told; whatever it is, nothing came as a whole.
        let came = store.came.lock().unwrap().clone();
        assert!(came.iter().all(|came| came == "InvalidRequest"), "{came:?}");
        // And the service goes on.
        client(address).send_bytes(&UploadBlob, "image/png", vec![1]).await.unwrap();
    });
}

#[test]
fn a_download_comes_in_pieces() {
    run(async {
        let store: Arc<Store> = Arc::default();
        let address = listen(router(&store)).await;
        let client = client(address);
        let repo = |name: &str| GetRepo::new(format!("did:web:{name}.example").parse().unwrap());
        let said = client.download(&repo("said")).await.unwrap();
        assert_eq!(said.head.headers["content-length"], "1048576");
        assert_eq!(said.content_type().as_deref(), Some("application/vnd.ipld.car"));
        assert_eq!(said.output.read_all(1 << 21).await.unwrap().len(), 1 << 20);
        // What is broken off is not taken for the whole.
        for name in ["short", "breaks"] {
            let download = client.download(&repo(name)).await.unwrap();
            let error = download.output.read_all(1 << 22).await.unwrap_err();
            assert_eq!(error.kind(), HttpErrorKind::Broken, "{name}");
        }
        let missing = client.download(&repo("other")).await.unwrap_err();
        assert_eq!(missing.name(), Some("RepoNotFound"));
        assert_eq!(client.download(&repo("wrong")).await.unwrap_err().name(), Some("InternalServerError"));
        // A reader that stops makes the server stop, and no more is in memory than what the system buffers.
        store.made.store(0, Ordering::SeqCst);
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = "GET /xrpc/com.atproto.sync.getRepo?did=did:web:large.example HTTP/1.1\r\nhost: a\r\n\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.read_exact(&mut [0; 1000]).await.unwrap();
        let mut before = usize::MAX;
        while before != store.made.load(Ordering::SeqCst) {
            before = store.made.load(Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(before < 1000, "{before}");
    });
}

#[test]
fn a_browser_runs_nothing_of_a_blob() {
    run(async {
        let router = router(&Arc::default());
        let path = |name: &str| {
            let cid = Cid::of(Codec::Raw, b"");
            get(&format!("/xrpc/com.atproto.sync.getBlob?did=did:web:{name}.example&cid={cid}"))
        };
        let response = ask(&router, path("a")).await;
        assert_eq!(response.headers()["content-type"], "text/html");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["content-security-policy"], "default-src 'none'; sandbox");
        for name in ["wrong", "split"] {
            assert_eq!(error(&ask(&router, path(name)).await), refused(500, "InternalServerError"));
        }
    });
}
