//! What is written here is read by the reference implementation, and what was changed after it was signed is refused there:
//!
//! ```text
//! npm ci --prefix atproto-repo/tests/node
//! ATPROTO_PEER=atproto-repo/tests/node cargo test -p atproto-repo --test it -- --ignored peer
//! ```

use crate::events::TIME;
use crate::history::{Step, steps};
use crate::write::{Records, as_writes, did, map_of, path, unsigned, writes};
use atproto_crypto::{Curve, PublicKey, SecretKey};
use atproto_lexicon::data::{Cid, Object, Value, cbor};
use atproto_repo::car::Car;
use atproto_repo::repo::{Repo, SignedCommit};
use atproto_repo::store::{MemoryStore, Store as _};
use atproto_repo::sync::{Event, to_frame};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value as Json, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const HISTORIES: usize = 200;

/// What is asked, and what the answer has to have in it.
struct Questions {
    folder: PathBuf,
    /// Whether it is asked, too, about what has to be refused.
    forges: bool,
    asked: Vec<(Json, Json)>,
}

impl Questions {
    fn new(folder: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).unwrap();
        Self { folder, forges: false, asked: Vec::new() }
    }

    /// Asks about what has to be refused, if it is its turn.
    fn ask_forged(&mut self, name: &str, file: &[u8], question: Json) {
        if self.forges {
            self.ask(name, file, question, json!({ "ok": false }));
        }
    }

    /// Asks about a file, which stands in the question by this name.
    fn ask(&mut self, name: &str, file: &[u8], mut question: Json, answer: Json) {
        let path = self.folder.join(self.asked.len().to_string());
        std::fs::write(&path, file).unwrap();
        question[name] = path.to_str().into();
        self.asked.push((question, answer));
    }

    /// Has all of them answered, and compares; the number of answers.
    fn answer(self, peer: &Path) -> usize {
        let lines: String = self.asked.iter().map(|(question, _)| format!("{question}\n")).collect();
        let input = self.folder.join("questions");
        std::fs::write(&input, lines).unwrap();
        let mut node = Command::new("node");
        node.arg(peer.join("check.mjs")).stdin(File::open(&input).unwrap()).stderr(Stdio::inherit());
        let output = node.output().expect("node is there");
        assert!(output.status.success(), "{}", output.status);
        let answers = String::from_utf8(output.stdout).unwrap();
        let answers: Vec<Json> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answers.len(), self.asked.len());
        for ((question, expected), answer) in self.asked.iter().zip(&answers) {
            for (name, value) in expected.as_object().unwrap() {
                assert_eq!(&answer[name], value, "{name} of {answer}, asked {question}");
            }
        }
        std::fs::remove_dir_all(self.folder).unwrap();
        answers.len()
    }
}

/// Whose repository it is, as each question says.
fn about(kind: &str, key: &PublicKey) -> Json {
    json!({ "kind": kind, "did": did().as_str(), "key": key.to_did_key() })
}

/// A CAR, or what has one in it, with one bit of one of its blocks another.
fn flipped(file: &[u8], car: &[u8], choice: usize) -> Vec<u8> {
    let start = file.windows(car.len()).position(|part| part == car).unwrap();
    let parsed = Car::parse(car).unwrap();
    let blocks: Vec<_> = parsed.blocks().collect();
    let block = blocks[choice % blocks.len()].bytes;
    let at = block.as_ptr() as usize - car.as_ptr() as usize + choice % block.len();
    let mut file = file.to_vec();
    file[start + at] ^= 1 << (choice % 8);
    file
}

fn ask_about_repository(questions: &mut Questions, car: &[u8], records: &Records, keys: &[PublicKey; 2]) {
    let paths: Vec<Json> = map_of(records)
        .into_iter()
        .map(|(path, cid)| json!([String::from_utf8(path).unwrap(), cid.to_string()]))
        .collect();
    let mut question = about("repo", &keys[0]);
    question["list"] = true.into();
    let answer = json!({ "ok": true, "records": paths.len(), "paths": paths });
    questions.ask("car", car, question.clone(), answer);
    questions.ask_forged("car", &flipped(car, car, car.len()), question);
    questions.ask_forged("car", car, about("repo", &keys[1]));
}

fn ask_about_record(
    questions: &mut Questions,
    proof: &[u8],
    (path, cid): (&str, Option<Cid>),
    keys: &[PublicKey; 2],
) {
    let (collection, rkey) = path.split_once('/').unwrap();
    let question = |key, cid: Option<Cid>| {
        let mut question = about("proof", key);
        let cid = cid.map(|cid| cid.to_string());
        question["claims"] = json!([{ "collection": collection, "rkey": rkey, "cid": cid }]);
        question
    };
    let answer = |verified: u8| json!({ "ok": true, "verified": verified, "unverified": 1 - verified });
    let other = cid.is_none().then(|| Cid::of_dag_cbor(b"other"));
    questions.ask("car", proof, question(&keys[0], cid), answer(1));
    questions.ask("car", proof, question(&keys[0], other), answer(0));
    questions.ask_forged("car", &flipped(proof, proof, proof.len()), question(&keys[0], cid));
    questions.ask_forged("car", proof, question(&keys[1], cid));
}

fn ask_about_commit(questions: &mut Questions, commit: &SignedCommit, is_first: bool, keys: &[PublicKey; 2]) {
    let body = commit.commit_event(7, TIME).unwrap();
    let frame = to_frame("#commit", &body);
    let Ok(Some(Event::Commit(event))) = Event::from_frame(&frame) else { panic!("it is read here") };
    let question = about("commit", &keys[0]);
    let answer = json!({
        "ok": true,
        "commit": commit.cid().to_string(),
        "rev": commit.rev().to_string(),
        "data": commit.data().to_string(),
        "ops": event.ops.len(),
        "verified": event.ops.len(),
        "inversion": if is_first { "not checked" } else { "verified" },
    });
    questions.ask("frame", &frame, question.clone(), answer);
    questions.ask_forged("frame", &flipped(&frame, event.blocks, frame.len()), question.clone());
    questions.ask_forged("frame", &frame, about("commit", &keys[1]));
    // Left out, one that puts a record in the place of the same one is not missed.
    if let Some(left_out) = event.ops.iter().position(|op| op.cid != op.prev).filter(|_| !is_first) {
        let mut body: Object = cbor::from_slice(&body).unwrap();
        if let Some(Value::Array(ops)) = body.get_mut("ops") {
            ops.remove(left_out);
        }
        let frame = to_frame("#commit", &cbor::to_vec(&body).unwrap());
        questions.ask_forged("frame", &frame, question);
    }
}

#[test]
#[ignore = "needs the reference implementation: .ci/run has it"]
fn the_reference_implementation_says_the_same() {
    let peer = std::env::var_os("ATPROTO_PEER").expect("ATPROTO_PEER is the folder of check.mjs");
    // A relative one is seen from the workspace.
    let peer = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(peer);
    let secret = |curve, digits: &str| SecretKey::from_hex(curve, &digits.repeat(32)).unwrap();
    let secrets = [secret(Curve::K256, "2b"), secret(Curve::P256, "2b")];
    let (histories, mut random) = (steps(), TestRunner::deterministic());
    let mut questions = Questions::new("peer");
    let mut commits = 0;
    for number in 0..HISTORIES {
        questions.forges = number.is_multiple_of(5);
        // The other key is of the other curve, or of the same one.
        let signer = &secrets[number % 2];
        let wrong = [&secrets[(number + 1) % 2], &secret(Curve::K256, "3c")][number / 2 % 2].public_key();
        let keys = [signer.public_key(), wrong];
        let (mut store, mut records) = (MemoryStore::default(), Records::new());
        let history: Vec<Step> = histories.new_tree(&mut random).unwrap().current();
        for (number, step) in history.iter().enumerate() {
            let list = writes(step, &mut records);
            let commit = unsigned(&store, &as_writes(&list), number as u64).sign(signer);
            store.commit(&commit.write_set()).unwrap();
            ask_about_commit(&mut questions, &commit, number == 0, &keys);
            commits += 1;
        }
        let did = did();
        let repo = Repo::verify(&store, &did, &keys[0]).unwrap();
        ask_about_repository(&mut questions, &repo.export(Vec::new()).unwrap(), &records, &keys);
        let map = map_of(&records);
        let there = records.keys().take(2).cloned();
        let absent = (0..70).map(path).filter(|path| !records.contains_key(path));
        for path in there.chain(absent.skip(number % 30).step_by(9).take(2)) {
            let cid = map.get(path.as_bytes()).copied();
            ask_about_record(&mut questions, &repo.prove(&path).unwrap(), (&path, cid), &keys);
        }
    }
    let answers = questions.answer(&peer);
    println!("{HISTORIES} histories, {commits} commits, {answers} answers as expected");
}
