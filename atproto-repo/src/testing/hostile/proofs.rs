use super::super::model::{Blocks, Repository, did, key, paths};
use super::{SignedCar, case};
use crate::car::Car;
use crate::mst::layer_of;
use crate::repo::Repo;
use atproto_lexicon::data::Cid;
use atproto_lexicon::testing::Hostile;
use atproto_lexicon::testing::Verdict::{Incomplete, Invalid, Valid};

/// A proof, what it is asked about, and, where it is valid, what it proves.
#[derive(Debug, Clone)]
pub struct ProofCase {
    /// The proof, and what it is to be verified by.
    pub proof: SignedCar,
    /// The path that it is asked about.
    pub path: String,
    /// The record at the path, where the proof is valid; `None` is that there is none.
    pub record: Option<Cid>,
}

/// The blocks that prove what is at a path.
fn proof(repository: &Repository, path: &str) -> Blocks {
    let file = repository.car();
    let car = Car::parse(&file).unwrap();
    let proof = Repo::verify(&car, &did(), &key()).unwrap().prove(path).unwrap();
    let car = Car::parse(&proof).unwrap();
    Blocks(car.blocks().map(|block| (block.cid, block.bytes.to_vec())).collect())
}

/// Proofs of what is at a path.
pub fn proofs() -> Vec<Hostile<ProofCase>> {
    let all = paths(60);
    let (there, whole) = (all[30].clone(), Repository::of(&all));
    // On the lowest layer, so that every node on the way counts.
    let mut absent = (0_u32..).map(|number| format!("com.example.note/3{number}"));
    let absent = absent.find(|path| layer_of(path.as_bytes()) == 0).unwrap();
    let other = Repository::of(&all[..50]);
    let of = |blocks: &Blocks, path: &str, record: Option<Cid>| ProofCase {
        proof: SignedCar::new(blocks.car(&[whole.commit])),
        path: path.to_owned(),
        record,
    };
    let record = Some(whole.records[&there]);
    let (present, exclusion) = (proof(&whole, &there), proof(&whole, &absent));
    let without = |blocks: &Blocks, at: usize| {
        let mut blocks = blocks.clone();
        blocks.0.remove(at);
        blocks
    };
    // The commit first, then the nodes from the root down, the record last.
    let last = present.0.len() - 1;
    let with = |at: usize, bytes: &[u8]| {
        let mut blocks = present.clone();
        blocks.0[at].1 = bytes.to_vec();
        blocks
    };
    let mixed = {
        let mut blocks = proof(&other, &there);
        blocks.0[0] = present.0[0].clone();
        blocks
    };
    let mut stranger = of(&present, &there, record);
    stranger.proof.did = "did:web:example.com".parse().unwrap();
    vec![
        case("record that is there", of(&present, &there, record), Valid),
        case("record that is not there", of(&exclusion, &absent, None), Valid),
        case("whole repository as a proof", of(&whole.blocks, &there, record), Valid),
        case("proof of the other path", of(&present, &all[31], Some(whole.records[&all[31]])), {
            // Its neighbour's node is on the way, its record is not.
            Incomplete
        }),
        case("record is missing", of(&without(&present, last), &there, None), Incomplete),
        case("commit is missing", of(&without(&present, 0), &there, None), Incomplete),
        case("root node is missing", of(&without(&present, 1), &there, None), Incomplete),
        case("last node is missing", of(&without(&present, last - 1), &there, None), Incomplete),
        case(
            "node missing in a proof of absence",
            of(&without(&exclusion, exclusion.0.len() - 1), &absent, None),
            Incomplete,
        ),
        case("nodes of another tree under the commit", of(&mixed, &there, None), Incomplete),
        case("record with other bytes", of(&with(last, b"\xa0"), &there, None), Invalid),
        case("node with other bytes", of(&with(last - 1, &present.0[1].1), &there, None), Invalid),
        case("commit with other bytes", of(&with(0, &present.0[1].1), &there, None), Invalid),
        case("of another account", stranger, Invalid),
    ]
}
