//! The suites of Lexicon, the published documents, and records, views and events that the reference implementations made.

use crate::{read_array, text};
use atproto_lexicon::data::cbor::{self, Profile};
use atproto_lexicon::data::{Limits, Object, Value, json};
use atproto_lexicon::schema::{Catalog, Document};
use atproto_lexicon::syntax::{Nsid, RecordKey};
use atproto_lexicon::validate::{ValidateError, Validator};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use testdata::{Case, Suites};

const SUITE: &str = "conformance/atproto-interop-tests/lexicon";

pub(crate) fn add(suites: &mut Suites) {
    for (file, at_least, valid) in [("lexicon-valid", 3, true), ("lexicon-invalid", 7, false)] {
        suites.add(&format!("lexicon::{file}"), &format!("{SUITE}/{file}.json"), at_least, move |path| {
            cases(path, move |case| document(case, valid))
        });
    }
    for (file, at_least, valid) in [("record-data-valid", 3, true), ("record-data-invalid", 50, false)] {
        suites.add(&format!("lexicon::{file}"), &format!("{SUITE}/{file}.json"), at_least, move |path| {
            let catalog = Arc::new(catalog(&path.with_file_name("catalog"))?);
            cases(path, move |case| record(&catalog, case, valid))
        });
    }
    // One of these refers to a published document.
    suites.add("lexicon::catalog", &format!("{SUITE}/catalog"), 5, |path| documents(path, 1));
    suites.add("lexicon::published", "lexicons", 402, |path| documents(path, 0));
    #[cfg(feature = "lint")]
    suites.add("lexicon::lint", "lexicons", 1, |path| {
        let catalog = catalog(path)?;
        Ok(vec![Case::new("no error, and no change to itself", move || lint(&catalog))])
    });
    suites.add("lexicon::records", "captures", 7802, records);
    suites.add("lexicon::views", "captures/appview", 11, views);
    for (stream, file, at_least) in [
        ("com.atproto.sync.subscribeRepos", "firehose/pds1", 765),
        ("com.atproto.sync.subscribeRepos", "firehose/pds2", 5),
        ("com.atproto.label.subscribeLabels", "labels/labels", 12),
    ] {
        let path = format!("captures/{file}.frames");
        suites
            .add(&format!("lexicon::messages::{file}"), &path, at_least, move |path| messages(stream, path));
    }
}

fn cases(
    path: &Path,
    check: impl Fn(&Json) -> Result<(), String> + Clone + Send + 'static,
) -> Result<Vec<Case>, String> {
    let case = |(index, entry): (usize, Json)| {
        let check = check.clone();
        Case::new(format!("{index}: {}", entry["name"].as_str().unwrap_or("")), move || check(&entry))
    };
    Ok(read_array(path)?.into_iter().enumerate().map(case).collect())
}

fn catalog(path: &Path) -> Result<Catalog, String> {
    let mut catalog = Catalog::new();
    catalog.read_path(path).map_err(|error| error.to_string())?;
    Ok(catalog)
}

#[cfg(feature = "lint")]
fn lint(catalog: &Catalog) -> Result<(), String> {
    use atproto_lexicon::lint::{Severity, breaking, lint};
    if let Some(found) = lint(catalog).iter().find(|found| found.severity == Severity::Error) {
        return Err(found.to_string());
    }
    match breaking(catalog, catalog).first() {
        Some(change) => Err(change.to_string()),
        None => Ok(()),
    }
}

/// `Ok` where the result is as it should be.
fn judge(valid: bool, found: Result<(), String>) -> Result<(), String> {
    match (valid, found) {
        (true, found) => found,
        (false, Err(_)) => Ok(()),
        (false, Ok(())) => Err("accepted".into()),
    }
}

fn document(case: &Json, valid: bool) -> Result<(), String> {
    let document = Document::from_json(case["lexicon"].to_string().as_bytes());
    judge(valid, document.map(drop).map_err(|error| error.to_string()))
}

fn record(catalog: &Catalog, case: &Json, valid: bool) -> Result<(), String> {
    let nsid: Nsid = "example.lexicon.record".parse().map_err(|_| "no NSID")?;
    let rkey: RecordKey = text(case, "rkey")?.parse().map_err(|_| "no record key")?;
    let found = json::from_slice_lenient(case["data"].to_string().as_bytes(), &Limits::JSON_RECORD)
        .map_err(|error| error.to_string())
        .and_then(|value| {
            let all = Validator::new(catalog).validate_record(&nsid, &rkey, &value);
            same_verdict(Validator::new(catalog).first_only().validate_record(&nsid, &rkey, &value), &all);
            all.map_err(|error| error.to_string())
        });
    judge(valid, found)
}

/// The first failure alone says the same of the value as all of them.
fn same_verdict(first: Result<(), ValidateError>, all: &Result<(), ValidateError>) {
    match (first, all) {
        (Ok(()), Ok(())) => {}
        (Err(ValidateError::Invalid(first)), Err(ValidateError::Invalid(all))) => {
            assert_eq!((first.first(), first.iter().count()), (all.first(), 1));
        }
        (first, all) => panic!("{first:?} is not {all:?}"),
    }
}

/// Every document of a folder parses, and has only fields that the language knows; so many references lead out of it.
fn documents(path: &Path, missing: usize) -> Result<Vec<Case>, String> {
    let files = Catalog::files(path).map_err(|error| error.to_string())?;
    let file = |file: PathBuf| {
        let name = file.strip_prefix(path).unwrap_or(&file).display().to_string();
        Case::new(name, move || match Document::read_file(&file) {
            Ok(document) if document.unrecognised.is_empty() => Ok(()),
            Ok(document) => Err(format!("unknown fields: {:?}", document.unrecognised)),
            Err(error) => Err(error.to_string()),
        })
    };
    let mut cases: Vec<_> = files.into_iter().map(file).collect();
    let path = path.to_owned();
    cases.push(Case::of_many("references", 0, move || {
        let catalog = catalog(&path)?;
        let (found, misdirected) = (catalog.missing(), catalog.misdirected());
        if found.len() == missing && misdirected.is_empty() {
            Ok(())
        } else {
            Err(format!("{found:?} {misdirected:?}"))
        }
    }));
    Ok(cases)
}

/// Every record whose type is known is valid, with its key; of the others it is said that theirs is not known.
fn records(captures: &Path) -> Result<Vec<Case>, String> {
    let catalog = Arc::new(catalog(&captures.with_file_name("lexicons"))?);
    let mut by_type: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    for account in ["ana", "ben", "cat", "fay"] {
        let path = captures.join(account).join("records.jsonl");
        let lines = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        for line in lines.lines() {
            let line = json::from_str(line).map_err(|error| error.to_string())?;
            let (Some(uri), Some(value)) = (line.get("uri").and_then(Value::as_str), line.get("value"))
            else {
                return Err("neither uri nor value".into());
            };
            let name = value.type_name().unwrap_or_default();
            by_type.entry(format!("{account} {name}")).or_default().push((uri.to_owned(), value.clone()));
        }
    }
    let case = |(name, records): (String, Vec<(String, Value)>)| {
        let catalog = catalog.clone();
        Case::of_many(name, records.len(), move || {
            for (uri, value) in records {
                let mut path = uri.rsplit('/');
                let (Some(Ok(rkey)), Some(Ok(nsid))) =
                    (path.next().map(str::parse), path.next().map(str::parse))
                else {
                    return Err(format!("no path: {uri}"));
                };
                let found = Validator::new(&catalog).validate_record(&nsid, &rkey, &value);
                match (found, catalog.document(&nsid)) {
                    (Ok(()), Some(_)) | (Err(ValidateError::Unknown(_)), None) => {}
                    (found, _) => return Err(format!("{uri}: {found:?}")),
                }
            }
            Ok(())
        })
    };
    Ok(by_type.into_iter().map(case).collect())
}

/// What an AppView answered is valid output.
fn views(folder: &Path) -> Result<Vec<Case>, String> {
    let catalog = Arc::new(catalog(&folder.join("../../lexicons"))?);
    let endpoints = [
        ("author-feed", "app.bsky.feed.getAuthorFeed"),
        ("followers", "app.bsky.graph.getFollowers"),
        ("likes", "app.bsky.feed.getLikes"),
        ("list", "app.bsky.graph.getList"),
        ("notifications", "app.bsky.notification.listNotifications"),
        ("posts", "app.bsky.feed.getPosts"),
        ("profile", "app.bsky.actor.getProfile"),
        ("profiles", "app.bsky.actor.getProfiles"),
        ("search-posts", "app.bsky.feed.searchPosts"),
        ("thread", "app.bsky.feed.getPostThread"),
        ("timeline", "app.bsky.feed.getTimeline"),
    ];
    let case = |(file, endpoint): (&str, &str)| {
        let (path, catalog) = (folder.join(format!("{file}.json")), catalog.clone());
        let endpoint: Nsid = endpoint.parse().map_err(|_| "no NSID")?;
        Ok(Case::new(file, move || {
            let bytes = std::fs::read(&path).map_err(|error| error.to_string())?;
            let value = json::from_slice(&bytes, &Limits::default()).map_err(|error| error.to_string())?;
            Validator::new(&catalog).validate_output(&endpoint, &value).map_err(|error| error.to_string())
        }))
    };
    endpoints.into_iter().map(case).collect()
}

/// What a server sent is valid, by the name in each frame's header.
fn messages(stream: &str, path: &Path) -> Result<Vec<Case>, String> {
    let lexicons = path.ancestors().nth(3).ok_or("no folder")?.join("lexicons");
    let (catalog, stream) = (catalog(&lexicons)?, stream.parse::<Nsid>().map_err(|_| "no NSID")?);
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let (mut rest, mut frames) = (&bytes[..], Vec::new());
    while let Some((length, after)) = rest.split_first_chunk() {
        let (frame, after) =
            after.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or("a message is cut off")?;
        frames.push(frame.to_vec());
        rest = after;
    }
    let count = frames.len();
    Ok(vec![Case::of_many("all", count, move || {
        frames.iter().enumerate().try_for_each(|(index, frame)| {
            message(&catalog, &stream, frame).map_err(|error| format!("{index}: {error}"))
        })
    })])
}

fn message(catalog: &Catalog, stream: &Nsid, frame: &[u8]) -> Result<(), String> {
    let (header, body) =
        cbor::split_first(frame, Profile::Atproto, &Limits::default()).map_err(|error| error.to_string())?;
    let header = cbor::to_value(header).map_err(|error| error.to_string())?;
    let name = header.get("t").and_then(Value::as_str).ok_or("no name")?;
    let mut body = match cbor::to_value(body).map_err(|error| error.to_string())? {
        Value::Object(body) => body,
        other => return Err(format!("{other:?}")),
    };
    let validate = |body: Object| {
        Validator::new(catalog)
            .validate_message(stream, name, &body.into())
            .map_err(|error| error.to_string())
    };
    validate(body.clone())?;
    body.insert("seq".into(), "1".into());
    judge(false, validate(body))
}
