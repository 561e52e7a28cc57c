//! A network in a file goes on where it ended.

use super::*;
use atproto_xrpc::api::com::atproto::server::GetSession;
use atproto_xrpc::auth::{MemoryStore, SessionStore as _};
use atproto_xrpc::stream::firehose::SubscribeRepos;
use atproto_xrpc::stream::{MemoryCursor, StreamEvent, Subscription, WebSockets};
use network::Ports;

async fn open(path: &std::path::Path, ports: Ports) -> Network {
    for _ in 0..200 {
        // The one before may still be letting go of the file.
        if let Ok(storage) = Storage::file(path)
            && let Ok(network) = Network::start_at(storage, ports).await
        {
            return network;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it does not start");
}

fn port(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn a_network_in_a_file_goes_on() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.redb");
        let network = open(&path, Ports::default()).await;
        let ports = Ports { directory: port(&network.directory_url()), host: port(network.host(0).url()) };
        let alice = account(&network, "alice").await;
        let kept = MemoryStore::default();
        kept.save(&alice.auth().data()).await.unwrap();
        let repo = repo_of(&alice);
        let rkey = alice.create_record(&repo, None, &post("before")).await.unwrap().output.uri;
        let rkey = rkey.record_key().unwrap();
        drop((network, alice));

        let network = open(&path, ports).await;
        let alice = client(&network, 0).resume(kept).await.unwrap().ok().unwrap();
        alice.send(&GetSession).await.unwrap();
        let read = alice.get_record::<atproto_xrpc::api::app::bsky::feed::Post>(&repo, &rkey).await;
        assert_eq!(read.unwrap().output.value.text, "before");
        alice.create_record(&repo, None, &post("after")).await.unwrap();
        let identity = network.resolver().unwrap().lookup(&"alice.test".parse().unwrap()).await.unwrap();
        assert_eq!(*identity.did(), did_of(&alice));

        // Events are numbered on, and those from before are there.
        let repos = SubscribeRepos::new(network.host(0).url()).unwrap();
        let sockets = WebSockets::new(network.policy());
        let mut stream =
            Subscription::with_store(repos, sockets, TokioClock::new(), MemoryCursor::new(Some(0)), 1);
        let mut seen = Vec::new();
        while seen.len() < 5 {
            if let StreamEvent::Message { message, .. } = stream.next().await.unwrap() {
                seen.push((message.seq(), message.kind()));
            }
        }
        let kinds = ["#identity", "#account", "#commit", "#commit", "#commit"];
        assert_eq!(seen, (1..).zip(kinds).collect::<Vec<_>>());
    });
}
