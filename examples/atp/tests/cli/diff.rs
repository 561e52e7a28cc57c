//! Repositories and trees that are compared.

use crate::write::{DID, Folder, OTHER_KEY, list, note};
use crate::{data, model, run, run_json};
use atproto_lexicon::data::Cid;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

#[test]
fn repositories_are_compared() {
    let folder = Folder::new();
    folder.create("a.car");
    for number in 0..30 {
        folder.put("a.car", &note(number), number, &[]);
    }
    std::fs::copy(folder.path("a.car"), folder.path("b.car")).unwrap();
    let before = list(&folder.path("a.car"));
    folder.put("b.car", "com.example.note/new", 1, &[]);
    folder.put("b.car", &note(11), 1, &[]);
    std::fs::copy(folder.path("b.car"), folder.path("c.car")).unwrap();
    let (last, _) = folder.delete("b.car", &note(12), &[]);
    let (lines, _) = run_json(&["repo", "diff", &folder.path("c.car"), &folder.path("b.car")], b"");
    let nodes = |list: &Json| -> BTreeSet<String> {
        list.as_array().unwrap().iter().map(|cid| cid.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(nodes(&lines[0]["created_nodes"]), nodes(&last["created_nodes"]));
    assert_eq!(nodes(&lines[0]["deleted_nodes"]), nodes(&last["retired_nodes"]));
    let (a, b) = (folder.path("a.car"), folder.path("b.car"));
    let of = |path: &str, list: &[(String, String)]| {
        list.iter().find(|(found, _)| found == path).map(|(_, cid)| cid.clone())
    };
    let after = list(&b);
    let paths = [note(11), note(12), "com.example.note/new".to_owned()];
    let expected: Vec<_> = paths
        .iter()
        .map(|path| json!({"rpath": path, "old_value": of(path, &before), "new_value": of(path, &after)}))
        .collect();
    let signer = ["--key", &folder.key, "--did", DID];
    let (lines, status) = run_json(&[&["repo", "diff", &a, &b], &signer[..]].concat(), b"");
    assert_eq!((&lines[0]["record_ops"], status), (&json!(expected), 0));
    assert!(lines[0]["created_nodes"].as_array().unwrap().contains(&last["data"]));
    let (back, _) = run_json(&["repo", "diff", &b, "-"], &folder.read("a.car"));
    assert_eq!(back[0]["created_nodes"], lines[0]["deleted_nodes"]);
    assert_eq!(back[0]["deleted_nodes"], lines[0]["created_nodes"]);
    let (text, _) = run(&["repo", "diff", &a, &b, "--no-signature"], b"");
    let firsts: Vec<_> = text.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(firsts, ["update", "delete", "create"]);
    let (text, _) = run(&["repo", "diff", &a, &b, "--nodes"], b"");
    assert!(text.contains("\ncreated node  ") && text.contains("\ndeleted node  "));
    assert_eq!(run(&["repo", "diff", &a, &a], b""), (String::new(), 0));

    assert_eq!(run(&["repo", "diff", &a, &b, "--key", OTHER_KEY], b"").1, 1);
    assert_eq!(run(&["repo", "diff", &a, &b, "--did", "did:web:b.test"], b"").1, 1);
    assert_eq!(run(&["repo", "diff", &a, &b, "--did-docs", &data("did-docs.json")], b"").1, 4);
    assert_eq!(run(&["repo", "diff", &a, &b, "--key", &folder.key, "--no-signature"], b"").1, 2);
    assert_eq!(run(&["repo", "diff", "-", "-"], b"").1, 2);
    assert_eq!(run(&["repo", "diff", &a, "/does/not/exist"], b"").1, 3);
    assert_eq!(run(&["repo", "diff", &a, &folder.write("no.car", b"")], b"").1, 1);
    let mut partial = model::Repository::of(&model::paths(40));
    partial.blocks.0.retain(|(_, block)| !block.starts_with(b"\xa2\x61e"));
    assert_eq!(run(&["repo", "diff", &a, &folder.write("partial.car", &partial.car())], b"").1, 4);
}

/// Trees without a commit, whose keys are any bytes.
#[test]
fn trees_are_compared() {
    let folder = Folder::new();
    let tree = |keys: &[&[u8]]| {
        let mut blocks = model::Blocks::default();
        let pairs: model::Pairs = keys.iter().map(|key| (key.to_vec(), Cid::of_dag_cbor(b"\xa0"))).collect();
        let root = model::Model::of(&pairs).write(&mut blocks);
        blocks.car(&[root])
    };
    let (a, b) = (folder.write("a", &tree(&[])), folder.write("b", &tree(&[b"k/1", b"k/2\x1b]0;x\x07"])));
    let (text, status) = run(&["repo", "diff", &a, &b], b"");
    assert!(status == 0 && text.lines().count() == 2 && !text.contains('\x1b') && !text.contains('\x07'));
    assert_eq!(run(&["repo", "diff", &a, &b, "--key", OTHER_KEY], b"").1, 1, "nobody has signed it");
}

#[test]
fn differences_are_those_of_the_mst_test_suite() {
    let suite = testdata::root().join("conformance/mst-test-suite");
    assert!(suite.exists() || !testdata::is_required(), "{} is not there", suite.display());
    let Ok(files) = std::fs::read_dir(suite.join("tests/diff/exhaustive")) else { return };
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    for file in files.iter().step_by(331) {
        let case: Json = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let [a, b] = ["mst_a", "mst_b"].map(|name| suite.join(case["inputs"][name].as_str().unwrap()));
        let (lines, _) = run_json(&["repo", "diff", &a.display().to_string(), &b.display().to_string()], b"");
        for (name, found) in lines[0].as_object().unwrap() {
            assert_eq!(*found, case["results"][name], "{} {name}", file.display());
        }
    }
}
