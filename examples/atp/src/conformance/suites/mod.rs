//! The suites: where each lies, and how its cases are read.

mod hostile;
mod interop;
mod others;
mod random;

use super::case::Case;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// A suite: one of a public repository, or one that is made here.
pub(super) struct Suite {
    pub(super) name: &'static str,
    source: Source,
}

enum Source {
    /// A file or folder below the folder of the suites, and the repository that it is of.
    Public {
        path: &'static str,
        from: &'static str,
        load: fn(&Path) -> Result<Vec<Case>, String>,
    },
    Ours(fn() -> Vec<Case>),
    /// Of which it is only known what our crates say.
    Random(fn() -> Vec<Case>),
}

impl Suite {
    const fn public(
        name: &'static str,
        from: &'static str,
        path: &'static str,
        load: fn(&Path) -> Result<Vec<Case>, String>,
    ) -> Self {
        Self { name, source: Source::Public { path, from, load } }
    }

    const fn ours(name: &'static str, make: fn() -> Vec<Case>) -> Self {
        Self { name, source: Source::Ours(make) }
    }

    const fn random(name: &'static str, make: fn() -> Vec<Case>) -> Self {
        Self { name, source: Source::Random(make) }
    }

    /// Whether it only compares two implementations.
    pub(super) fn is_random(&self) -> bool {
        matches!(self.source, Source::Random(_))
    }

    /// Whether it has this name, or is one of a group that has.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.name.split('/').any(|part| part == name)
    }

    pub(super) fn is_ours(&self) -> bool {
        matches!(self.source, Source::Ours(_))
    }

    /// Where it lies, below the folder of the suites; nowhere, if it is made here.
    pub(super) fn path(&self) -> &'static str {
        match self.source {
            Source::Public { path, .. } => path,
            Source::Ours(_) | Source::Random(_) => "",
        }
    }

    /// The repository that it is of.
    pub(super) fn from(&self) -> &'static str {
        match self.source {
            Source::Public { from, .. } => from,
            Source::Ours(_) | Source::Random(_) => "",
        }
    }

    /// Its cases; `None` where the suite is not there.
    pub(super) fn load(&self, root: Option<&Path>) -> Result<Option<Vec<Case>>, String> {
        match self.source {
            Source::Ours(make) | Source::Random(make) => Ok(Some(make())),
            Source::Public { path, load, .. } => match root.map(|root| root.join(path)) {
                Some(path) if path.exists() => match load(&path) {
                    Ok(cases) if cases.is_empty() => Err(format!("{}: has no cases", path.display())),
                    Ok(cases) => Ok(Some(cases)),
                    Err(error) => Err(format!("{}: {error}", path.display())),
                },
                _ => Ok(None),
            },
        }
    }
}

const INTEROP: &str = "https://github.com/bluesky-social/atproto-interop-tests";
const DASL: &str = "https://github.com/hyphacoop/dasl-testing";
const MST: &str = "https://github.com/DavidBuchanan314/mst-test-suite";
const PLC: &str = "https://github.com/did-method-plc/did-method-plc";
const INDIGO: &str = "https://github.com/bluesky-social/indigo";

/// All of them, in the order in which they run.
pub(super) static ALL: [Suite; 27] = [
    Suite::public("interop/syntax", INTEROP, "atproto-interop-tests/syntax", interop::syntax),
    Suite::public("interop/crypto", INTEROP, "atproto-interop-tests/crypto", interop::crypto),
    Suite::public("interop/data-model", INTEROP, "atproto-interop-tests/data-model", interop::data_model),
    Suite::public("interop/lexicon", INTEROP, "atproto-interop-tests/lexicon", interop::lexicon),
    Suite::public("interop/mst", INTEROP, "atproto-interop-tests/mst", interop::mst),
    Suite::public("interop/firehose", INTEROP, "atproto-interop-tests/firehose", interop::firehose),
    Suite::public("dasl", DASL, "dasl-testing/fixtures/cbor", others::dasl),
    Suite::public("mst-test-suite/cars", MST, "mst-test-suite/cars/exhaustive", others::cars),
    Suite::public("mst-test-suite/diff", MST, "mst-test-suite/tests/diff/exhaustive", others::diffs),
    Suite::public("did-plc", PLC, "did-plc/interop_tests/audit_log", others::plc),
    Suite::public("oauth-scopes", INDIGO, "oauth-scopes", others::scopes),
    Suite::public("relay-scenarios", INDIGO, "relay-scenarios", others::relay),
    Suite::ours("hostile/strings", hostile::strings),
    Suite::ours("hostile/cbor", hostile::cbor),
    Suite::ours("hostile/json", hostile::json),
    Suite::ours("hostile/frames", hostile::frames),
    Suite::ours("hostile/lexicons", hostile::lexicons),
    Suite::ours("hostile/keys", hostile::keys),
    Suite::ours("hostile/repositories", hostile::repositories),
    Suite::ours("hostile/proofs", hostile::proofs),
    Suite::ours("hostile/events", hostile::events),
    Suite::ours("hostile/plc-logs", hostile::plc_logs),
    Suite::ours("hostile/did-documents", hostile::did_documents),
    Suite::ours("hostile/tokens", hostile::tokens),
    Suite::ours("hostile/labels", hostile::labels),
    Suite::random("random/diffs", random::diffs),
    Suite::random("random/repositories", random::repositories),
];

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn read_text(path: &Path) -> Result<String, String> {
    String::from_utf8(read(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

fn read_json(path: &Path) -> Result<Json, String> {
    serde_json::from_slice(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

fn read_array(path: &Path) -> Result<Vec<Json>, String> {
    match read_json(path)? {
        Json::Array(items) => Ok(items),
        _ => Err(format!("{}: not a list", path.display())),
    }
}

/// The files of a folder with this extension, in order.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let show = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(show)?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(show)?.path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn text<'a>(json: &'a Json, name: &str) -> Result<&'a str, String> {
    json[name].as_str().ok_or(format!("no text {name}"))
}
