//! Records written and read.

use super::*;
use atproto_lexicon::syntax::{Nsid, RecordKey};
use atproto_repo::car::Car;
use atproto_repo::repo::{Repo, verify_proof};
use atproto_xrpc::api::com::atproto::repo::{
    CreateRecord, DeleteRecord, DescribeRepo, ListRecords, PutRecord,
};
use atproto_xrpc::api::com::atproto::sync::{
    GetBlocks, GetLatestCommit, GetRecord as GetProof, GetRepo, ListRepos,
};
use atproto_xrpc::records::{Batch, Before};

const LIMIT: usize = 10 << 20;

fn nsid(text: &str) -> Nsid {
    text.parse().unwrap()
}

fn key(text: &str) -> RecordKey {
    text.parse().unwrap()
}

#[test]
fn what_is_written_is_read_and_proven() {
    run(async {
        let network = start().await;
        let alice = account(&network, "alice").await;
        let (did, repo) = (did_of(&alice), repo_of(&alice));
        let created = alice.create_record(&repo, None, &post("hello")).await.unwrap().output;
        let rkey = created.uri.record_key().unwrap();
        let read = alice.get_record::<Post>(&repo, &rkey).await.unwrap().output;
        assert_eq!((read.value.text.as_str(), read.cid.as_ref()), ("hello", Some(&created.cid)));

        let signing = network.resolver().unwrap().lookup_did(&did).await.unwrap().signing_key().unwrap();
        let collection = nsid("app.bsky.feed.post");
        for (rkey, is_there) in [(rkey.clone(), true), (key("none"), false)] {
            let path = format!("{collection}/{rkey}");
            let proof = GetProof { did: did.clone(), collection: collection.clone(), rkey };
            let proof =
                client(&network, 0).download(&proof).await.unwrap().output.read_all(LIMIT).await.unwrap();
            let proven = verify_proof(&proof, &did, &signing, &path).unwrap();
            assert_eq!(proven.is_some(), is_there);
        }
        let file = client(&network, 0).download(&GetRepo::new(did.clone())).await.unwrap().output;
        let file = file.read_all(LIMIT).await.unwrap();
        let car = Car::parse(&file).unwrap();
        let whole = Repo::verify(&car, &did, &signing).unwrap();
        assert_eq!(whole.check().unwrap().records, 1);
        let latest = client(&network, 0).send(&GetLatestCommit { did: did.clone() }).await.unwrap().output;
        assert_eq!(latest.cid.to_cid(), Some(*whole.commit_cid()));
        let blocks = GetBlocks { did: did.clone(), cids: vec![created.cid.clone(), latest.cid] };
        let blocks =
            client(&network, 0).download(&blocks).await.unwrap().output.read_all(LIMIT).await.unwrap();
        assert_eq!(Car::parse(&blocks).unwrap().len(), 2);
        let missing = GetBlocks {
            did: did.clone(),
            cids: vec!["bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u".parse().unwrap()],
        };
        assert_eq!(refused(client(&network, 0).download(&missing).await), bad("BlockNotFound"));
        let repos = client(&network, 0).send(&ListRepos::default()).await.unwrap().output.repos;
        assert_eq!((repos.len(), &repos[0].did, repos[0].rev), (1, &did, latest.rev));
        let described = client(&network, 0).send(&DescribeRepo { repo: "alice.test".parse().unwrap() }).await;
        let described = described.unwrap().output;
        assert_eq!(described.collections, [nsid("app.bsky.feed.post")]);
        assert!(described.handle_is_correct);
    });
}

#[test]
fn records_are_listed_from_both_ends() {
    run(async {
        let network = start().await;
        let alice = account(&network, "alice").await;
        let repo = repo_of(&alice);
        let mut batch = Batch::new();
        for number in 0..25 {
            batch = batch.create(Some(&key(&format!("k{number:02}"))), &post(&number.to_string())).unwrap();
        }
        alice.apply_writes(&repo, batch, None).await.unwrap();
        for reverse in [false, true] {
            let (mut seen, mut cursor) = (Vec::new(), None);
            loop {
                let mut ask = ListRecords::new(repo.clone(), nsid("app.bsky.feed.post"));
                (ask.limit, ask.reverse, ask.cursor) = (Some(10), Some(reverse), cursor);
                let page = client(&network, 0).send(&ask).await.unwrap().output;
                seen.extend(page.records.iter().map(|record| record.uri.record_key().unwrap().to_string()));
                cursor = page.cursor;
                if cursor.is_none() {
                    break;
                }
            }
            if !reverse {
                seen.reverse();
            }
            assert_eq!(seen, (0..25).map(|number| format!("k{number:02}")).collect::<Vec<_>>());
        }
        // Of a collection whose name begins in the same way nothing is listed.
        let other = ListRecords::new(repo, nsid("app.bsky.feed.pos"));
        assert!(client(&network, 0).send(&other).await.unwrap().output.records.is_empty());
    });
}

#[test]
fn a_swap_is_of_what_is_there() {
    run(async {
        let network = start().await;
        let alice = account(&network, "alice").await;
        let repo = repo_of(&alice);
        let self_key = key("self");
        let first = alice.put_record(&repo, &self_key, &post("1"), Before::Absent).await.unwrap().output;
        let again = alice.put_record(&repo, &self_key, &post("2"), Before::Absent).await;
        assert_eq!(refused(again), bad("InvalidSwap"));
        // The same record is no commit.
        let same = alice.put_record(&repo, &self_key, &post("1"), Before::Any).await.unwrap().output;
        assert_eq!((same.commit, &same.cid), (None, &first.cid));
        let second = alice.put_record(&repo, &self_key, &post("2"), Before::Is(first.cid.clone())).await;
        let second = second.unwrap().output;
        let delete = alice.delete_record::<Post>(&repo, &self_key, Some(&first.cid)).await;
        assert_eq!(refused(delete), bad("InvalidSwap"));
        let mut stale = CreateRecord::new(repo.clone(), nsid("com.example.note"), note("x"));
        stale.swap_commit = Some(first.commit.unwrap().cid);
        assert_eq!(refused(alice.send(&stale).await), bad("InvalidSwap"));
        stale.swap_commit = Some(second.commit.unwrap().cid);
        alice.send(&stale).await.unwrap();
        alice.delete_record::<Post>(&repo, &self_key, Some(&second.cid)).await.unwrap();
        // What is not there is deleted already.
        let gone = alice.delete_record::<Post>(&repo, &self_key, None).await.unwrap();
        assert_eq!(gone.output.commit, None);
    });
}

#[test]
fn writes_are_refused_that_are_none() {
    run(async {
        let network = start().await;
        let alice = account(&network, "alice").await;
        let bob = account(&network, "bob").await;
        let repo = repo_of(&alice);
        let notes = nsid("com.example.note");
        let create = CreateRecord::new(repo.clone(), notes.clone(), note("x"));
        assert_eq!(refused(bob.send(&create).await), (403, "Forbidden".to_owned()));
        assert_eq!(refused(client(&network, 0).send(&create).await), (401, "AuthMissing".to_owned()));
        let other = CreateRecord::new(repo.clone(), nsid("com.example.other"), note("x"));
        assert_eq!(refused(alice.send(&other).await), bad("InvalidRequest"));
        let put = PutRecord::new(repo.clone(), notes.clone(), key("a"), note("x"));
        alice.send(&put).await.unwrap();
        let batch = Batch::new().create(Some(&key("a")), &post("1")).unwrap();
        let batch = batch.delete(&notes, &key("missing"));
        assert_eq!(refused(alice.apply_writes(&repo, batch, None).await), bad("InvalidRequest"));
        // Nothing of it was done.
        assert!(alice.get_record::<Post>(&repo, &key("a")).await.is_err());
        let delete = DeleteRecord::new(repo, notes, key("a"));
        assert_eq!(refused(bob.send(&delete).await), (403, "Forbidden".to_owned()));
    });
}
