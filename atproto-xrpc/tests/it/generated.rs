//! `src/api` is what the generator makes of the pinned documents.

use atproto_lexicon::codegen::Config;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn config(documents: &Path) -> Config {
    Config::new()
        .lexicons(documents)
        .roots(["com.atproto", "app.bsky", "chat.bsky", "tools.ozone"])
        .link("https://github.com/bluesky-social/atproto/blob/main/lexicons/{path}.json")
        .feature("com.atproto", "com-atproto")
        .feature("app.bsky", "app-bsky")
        .feature("chat.bsky", "chat-bsky")
        .feature("tools.ozone", "tools-ozone")
}

fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(at) = todo.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                files
                    .insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read_to_string(path).unwrap());
            }
        }
    }
    files
}

#[test]
fn what_is_committed_is_what_is_generated() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = root.join("lexicons/documents");
    if !documents.exists() {
        assert!(!testdata::is_required(), "run atproto-xrpc/lexicons/extract.mjs first");
        eprintln!("{} is not there: nothing is compared", documents.display());
        return;
    }
    let code = config(&documents).generate().unwrap_or_else(|error| panic!("{error}"));
    let folder = root.join("src/api");
    if env::var_os("BLESS").is_some() {
        code.write_folder(&folder).unwrap();
    }
    let (generated, committed) = (code.to_files(), files(&folder));
    let names = |files: &BTreeMap<PathBuf, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&generated), names(&committed), "BLESS=1 writes them anew");
    for (path, text) in &generated {
        assert!(committed[path] == *text, "{} differs; BLESS=1 writes it anew", path.display());
    }
}

/// `rustfmt` at a width of 100 makes it one line in a hundred longer.
#[test]
fn it_is_small() {
    let committed = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api"));
    let lines: usize = committed.values().map(|text| text.lines().count()).sum();
    let bytes: usize = committed.values().map(String::len).sum();
    assert!(lines < 55_000 && bytes < 3_000_000, "{lines} lines, {bytes} bytes");
}
