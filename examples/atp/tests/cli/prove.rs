//! Proofs, and parts of repositories.

use crate::write::{DID, Folder, OTHER_KEY, note};
use crate::{data, model, run, run_json};
use atproto_repo::car::Car;
use serde_json::{Value as Json, json};
use std::path::Path;

fn check_proof(folder: &Folder, file: &str, path: &str, more: &[&str]) -> (Json, i32) {
    folder.json(&["repo", "check-proof", file, path, "--key", &folder.key], more)
}

#[test]
fn what_is_at_a_path_is_proven() {
    let folder = Folder::new();
    folder.create("r.car");
    for number in 0..30 {
        folder.put("r.car", &note(number), number, &[]);
    }
    let file = folder.path("r.car");
    for (path, present) in [(note(7), true), (note(70), false)] {
        let proof = folder.path(&format!("{present}.car"));
        let (lines, status) = run_json(&["repo", "proof", &file, &path, "-o", &proof], b"");
        assert_eq!(
            (&lines[0]["present"], &lines[0]["bytes"], status),
            (&json!(present), &json!(std::fs::metadata(&proof).unwrap().len()), 0)
        );
        let (checked, status) = check_proof(&folder, &proof, &path, &["--did", DID]);
        assert_eq!((&checked["present"], status), (&json!(present), 0));
        assert_eq!(checked["verdict"], if present { "present" } else { "absent" });
        assert_eq!(checked["cid"], lines[0]["cid"]);
        assert_eq!(checked["record"]["text"], if present { json!("7") } else { Json::Null });
        // To standard output it is the same.
        let bytes = std::fs::read(&proof).unwrap();
        let program = env!("CARGO_BIN_EXE_atp");
        let printed =
            std::process::Command::new(program).args(["repo", "proof", &file, &path]).output().unwrap();
        assert!(printed.stdout == bytes);
        // Nobody else has signed it, and it proves nothing else.
        assert_eq!(run(&["repo", "check-proof", &proof, &path, "--key", OTHER_KEY], b"").1, 1);
        assert_eq!(check_proof(&folder, &proof, &path, &["--did", "did:web:b.test"]).1, 1);
        check_damaged(&folder, &bytes, &path);
    }
    assert_eq!(
        run(&["repo", "proof", &file, &note(7), "-o", &folder.path("true.car")], b"").1,
        3,
        "it is there"
    );
    assert_eq!(run(&["repo", "proof", &file, &note(7), "-o", &folder.path("true.car"), "--force"], b"").1, 0);
    assert_eq!(run(&["repo", "proof", &file, "no path", "-o", &folder.path("x.car")], b"").1, 2);
    assert_eq!(run_json(&["repo", "proof", &file, &note(7)], b"").1, 2, "where to?");
    assert_eq!(run(&["repo", "proof", "/does/not/exist", &note(7)], b"").1, 3);
    // The proof of one path is not all of the repository.
    assert_eq!(
        run(&["repo", "proof", &folder.path("true.car"), &note(29), "-o", &folder.path("x.car")], b"").1,
        4
    );
    assert_eq!(check_proof(&folder, &folder.path("true.car"), &note(29), &[]).0["verdict"], "incomplete");
    assert_eq!(check_proof(&folder, &folder.path("true.car"), "no path", &[]).1, 2);
    assert_eq!(run(&["repo", "check-proof", &file, &note(7)], b"").1, 2);
    assert_eq!(
        run(&["repo", "check-proof", &file, &note(7), "--did-docs", &data("did-docs.json")], b"").1,
        4
    );
    assert!(!Path::new(&folder.path("x.car")).exists());
}

/// Whatever happens to a proof, it never proves the contrary.
fn check_damaged(folder: &Folder, proof: &[u8], path: &str) {
    for cut in [0, 1, proof.len() / 2, proof.len() - 1] {
        let (line, status) = check_proof(folder, &folder.write("cut.car", &proof[..cut]), path, &[]);
        assert_eq!((&line["verdict"], status), (&json!("invalid"), 1));
        assert!(line["reason"].is_string());
    }
    for place in (0..proof.len()).step_by(101) {
        let mut flipped = proof.to_vec();
        flipped[place] ^= 1;
        assert_eq!(check_proof(folder, &folder.write("flipped.car", &flipped), path, &[]).1, 1);
    }
    // Without any one of its blocks it is incomplete.
    let car = Car::parse(proof).unwrap();
    let blocks: Vec<_> = car.blocks().map(|block| (block.cid, block.bytes.to_vec())).collect();
    for without in 0..blocks.len() {
        let mut blocks = model::Blocks(blocks.clone());
        blocks.0.remove(without);
        let dropped = folder.write("dropped.car", &blocks.car(car.roots()));
        let (line, status) = check_proof(folder, &dropped, path, &[]);
        assert_eq!((&line["verdict"], status), (&json!("incomplete"), 4), "{without}");
    }
}

#[test]
fn parts_are_exported() {
    let folder = Folder::new();
    let (car, out) = (data("notes.car"), folder.path("part.car"));
    let export =
        |more: &[&str]| run(&[&["repo", "export", &car, "-o", &out, "--force"], more].concat(), b"").1;
    let count = |more: &[&str]| run_json(&[&["repo", "ls", &out], more].concat(), b"").0.len();
    let prefix = ["--prefix", "com.example.profile/"];
    assert_eq!((export(&prefix), count(&prefix)), (0, 1));
    assert!(std::fs::metadata(&out).unwrap().len() < std::fs::metadata(&car).unwrap().len() / 2);
    assert_eq!(export(&["--start", "com.example.profile/", "--end", "com.example.profile0"]), 0);
    assert_eq!((count(&prefix), run(&["repo", "verify", &out, "--no-signature"], b"").1), (1, 4));
    assert_eq!((export(&[]), count(&[])), (0, 121));
    assert_eq!(export(&["--prefix", "a", "--start", "b"]), 2);
    assert_eq!(run(&["repo", "export", &car, "-o", &out], b"").1, 3, "nothing is overwritten");
    assert_eq!(run(&["repo", "export", &car, "--force"], b"").1, 2);
}
