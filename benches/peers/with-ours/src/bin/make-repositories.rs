//! Makes what the workloads read: `make-repositories FOLDER [RECORDS]`.

#[path = "../../../../corpus.rs"]
#[allow(dead_code, reason = "benchmarks use more of it")]
mod corpus;

use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Tid;
use atproto_repo::car::Car;
use atproto_repo::repo::{UnsignedRepo, Write};
use atproto_repo::store::MemoryBlocks;
use corpus::{Corpus, Random};
use std::fmt::Write as _;

fn main() {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).expect("FOLDER"));
    let records = std::env::args().nth(2).map_or(100_000, |text| text.parse().expect("RECORDS"));
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).expect("written");
    let (corpus, mut random) = (Corpus::of(records), Random(9));
    let mut any = || random.below(records as u64) as usize;

    write("account", format!("{} {}", corpus::did(), corpus::key().to_did_key()).as_bytes());
    let ordered = corpus.pre_order();
    write("ordered.car", &ordered);
    write("shuffled.car", &corpus.unordered());
    let mut pairs = String::new();
    for (path, record) in corpus.paths.iter().zip(&corpus.records) {
        writeln!(pairs, "{path} {}", Cid::of_dag_cbor(record)).expect("text");
    }
    write("pairs", pairs.as_bytes());

    // A third each of creations, updates and deletions, each path once.
    let (mut writes, mut seen) = (String::new(), std::collections::HashSet::new());
    for number in 0..300 {
        let at = std::iter::repeat_with(&mut any).find(|at| seen.insert(*at)).expect("one more");
        let (path, cid) = (&corpus.paths[at], Cid::of_dag_cbor(&corpus.records[any()]));
        match number % 3 {
            0 => writeln!(writes, "create {path}2 {cid}"),
            1 => writeln!(writes, "update {path} {cid}"),
            _ => writeln!(writes, "delete {path}"),
        }
        .expect("text");
    }
    write("writes", writes.as_bytes());

    // A hundred records changed, as one commit.
    let car = Car::parse(&ordered).expect("a CAR");
    let repo = UnsignedRepo::open(&car).expect("a commit");
    let paths: Vec<&String> = corpus.paths.iter().step_by(records / 100).take(100).collect();
    let other = &corpus.records[1];
    let updates: Vec<Write<'_>> =
        paths.iter().map(|path| Write::Update { path, record: other, swap: None }).collect();
    let rev = Tid::from_u64(repo.commit().rev.to_u64() + (1 << 20));
    let commit = repo.write(&updates, None, rev).expect("writes").sign(&corpus::secret());
    let mut blocks = MemoryBlocks::default();
    corpus.blocks.iter().for_each(|(cid, block)| blocks.insert_unchecked(*cid, block.clone()));
    commit.write_set().put().for_each(|(cid, block)| blocks.insert_unchecked(*cid, block.to_vec()));
    let changed = UnsignedRepo::open_at(&blocks, *commit.cid()).expect("a commit");
    write("changed.car", &changed.export(Vec::new()).expect("a file"));

    // Each a creation beside some record, as in `benches/sync.rs`.
    for number in 0..200 {
        let path = format!("{}x", corpus.paths[any()]);
        let create = Write::Create { path: &path, record: &corpus.records[any()] };
        let commit = repo.write(&[create], None, rev).expect("a write").sign(&corpus::secret());
        let body = commit.commit_event(1, "2026-01-01T00:00:00.000Z").expect("an event");
        write(&format!("event-{number}"), &body);
    }
}
