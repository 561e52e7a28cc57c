//! Events, as a consumer verifies them that believes nothing.

use super::*;
use atproto_xrpc::api::com::atproto::identity::UpdateHandle;
use atproto_xrpc::api::com::atproto::server::{ActivateAccount, DeactivateAccount};
use atproto_xrpc::records::{Batch, Before};
use atproto_xrpc::stream::firehose::{
    Config, Firehose, FirehoseEvent, MemoryAccounts, SubscribeRepos, Verdict,
};
use atproto_xrpc::stream::{MemoryCursor, Subscription, WebSockets};

#[test]
fn every_event_verifies() {
    run(async {
        let network = start().await;
        let alice = account(&network, "alice").await;
        let repo = repo_of(&alice);
        for number in 0..30 {
            alice.create_record(&repo, None, &post(&number.to_string())).await.unwrap();
        }
        let mut batch = Batch::new();
        for number in 0..50 {
            batch = batch.create(None, &post(&format!("batch {number}"))).unwrap();
        }
        alice.apply_writes(&repo, batch, None).await.unwrap();
        let key = "self".parse().unwrap();
        alice.put_record(&repo, &key, &post("1"), Before::Any).await.unwrap();
        alice.put_record(&repo, &key, &post("2"), Before::Any).await.unwrap();
        alice.delete_record::<atproto_xrpc::api::app::bsky::feed::Post>(&repo, &key, None).await.unwrap();
        alice.send(&DeactivateAccount::default()).await.unwrap();
        alice.send(&ActivateAccount).await.unwrap();
        alice.create_record(&repo, None, &post("after")).await.unwrap();
        alice.send(&UpdateHandle::new("alice2.test".parse().unwrap())).await.unwrap();

        let clock = TokioClock::new();
        let repos = SubscribeRepos::new(network.host(0).url()).unwrap();
        let sockets = WebSockets::new(network.policy());
        let stream = Subscription::with_store(repos, sockets, clock, MemoryCursor::new(Some(0)), 1);
        let mut config = Config::default();
        config.is_pds = true;
        let identities = network.resolver().unwrap();
        let mut hose = Firehose::with_config(stream, identities, MemoryAccounts::default(), clock, config);
        let (mut ops, mut told, mut handle) = (0, Vec::new(), None);
        while handle.is_none() {
            let event = hose.next().await.unwrap();
            let FirehoseEvent::Report(report) = event else { panic!("{event:?}") };
            match &report.verdict {
                Verdict::Commit(commit) => {
                    assert!(commit.is_proven);
                    ops += commit.ops.len();
                }
                Verdict::Account { is_active, .. } => told.push(*is_active),
                Verdict::Identity { handle: said } => {
                    handle = said.clone().filter(|handle| handle.as_str() == "alice2.test");
                }
                Verdict::Unchanged => {}
                verdict => panic!("{verdict:?}"),
            }
            hose.handled(&report).await.unwrap();
        }
        assert_eq!((ops, told), (30 + 50 + 3 + 1, vec![true, false, true]));
    });
}
