//! Every way to read a repository, which must all give the same verdict.

use crate::model::{Blocks, did, key};
use atproto_lexicon::data::{Cid, Link, Object, Value, cbor};
use atproto_repo::car::{Car, CarFile};
use atproto_repo::repo::stream::{
    File, NotStreamable, Pushed, Reader, RepoStream, Slice, Source, StreamError,
};
use atproto_repo::repo::{Error, RecordError, Repo, Summary, UnsignedRepo};
use atproto_repo::store::Archive;
use std::collections::BTreeMap;
use std::io::Cursor;

/// A verdict, with what it says of the records' faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Valid(Summary, Vec<(String, RecordError)>),
    Invalid,
    Incomplete,
}

/// Parses, verifies and reads all of a CAR by index; a fault of its framing is given as text. What every other way says is
/// compared, and with the blocks in pre-order, too.
pub(crate) fn check(bytes: &[u8]) -> Result<Result<Summary, Error>, String> {
    Ways { signed: true }.check(bytes)
}

/// [`check`] without the signature, which takes longer than all else.
#[allow(dead_code, reason = "only fuzzing is in such a hurry")]
pub(crate) fn check_unsigned(bytes: &[u8]) -> Result<Result<Summary, Error>, String> {
    Ways { signed: false }.check(bytes)
}

#[derive(Clone, Copy)]
struct Ways {
    signed: bool,
}

impl Ways {
    fn check(self, bytes: &[u8]) -> Result<Result<Summary, Error>, String> {
        let by_index = self.by_index(bytes);
        let expected = verdict(&by_index);
        self.compare(bytes, &expected);
        keep(bytes, &expected);
        if let Ok(car) = Car::parse(bytes) {
            let ordered = pre_order(&car);
            let again = self.by_index(&ordered);
            assert_eq!(verdict(&again), expected, "another order changes nothing");
            self.compare(&ordered, &expected);
            if matches!(expected, Verdict::Valid(..)) {
                assert_eq!(stream(self.stream(Reader::new(&*ordered))), Ok(expected));
            }
        }
        by_index.map(|checked| checked.map(|(summary, _)| summary))
    }

    fn open<A: Archive>(self, archive: &A) -> Result<UnsignedRepo<'_, A>, Error<A::Error>> {
        if self.signed {
            Repo::verify(archive, &did(), &key()).map(Repo::into_unsigned)
        } else {
            UnsignedRepo::open(archive)
        }
    }

    fn stream<S: Source>(self, source: S) -> RepoStream<S> {
        if self.signed { RepoStream::verify(source, did(), key()) } else { RepoStream::unsigned(source) }
    }

    fn by_index(self, bytes: &[u8]) -> ByIndex {
        let car = Car::parse(bytes).map_err(|error| error.to_string())?;
        let mut faults = Vec::new();
        let checked = self.open(&car).and_then(|repo| {
            let checked = repo.check_records(|path, error| faults.push((path, error)));
            assert_eq!(repo.check(), checked);
            checked
        });
        Ok(checked.map(|summary| (summary, faults)))
    }

    fn compare(self, bytes: &[u8], expected: &Verdict) {
        assert_eq!(&self.in_file(bytes), expected, "a file by index");
        let expected = Ok(expected.clone());
        assert_eq!(stream(self.stream(Slice::new(bytes))), expected, "a slice");
        assert_eq!(stream(self.stream(File::new(Cursor::new(bytes)))), expected, "a file");
        let reader = stream(self.stream(Reader::new(bytes)));
        assert!(reader.is_err() || reader == expected, "a reader: {reader:?}");
        for length in [7, bytes.len().max(1)] {
            assert_eq!(self.pushed(bytes, length), reader, "pieces of {length} bytes");
        }
        #[cfg(feature = "futures")]
        assert_eq!(
            self.as_stream(bytes),
            reader.map(|verdict| without_faults(&verdict)),
            "an asynchronous stream"
        );
        #[cfg(feature = "rayon")]
        self.parallel(bytes);
    }

    fn in_file(self, bytes: &[u8]) -> Verdict {
        let Ok(file) = CarFile::open(Cursor::new(bytes)) else { return Verdict::Invalid };
        let mut faults = Vec::new();
        let checked =
            self.open(&file).and_then(|repo| repo.check_records(|path, error| faults.push((path, error))));
        match checked {
            Ok(summary) => Verdict::Valid(summary, faults),
            Err(Error::Incomplete(_)) => Verdict::Incomplete,
            Err(_) => Verdict::Invalid,
        }
    }

    /// Pushes the file in pieces of this length.
    fn pushed(self, bytes: &[u8], length: usize) -> Result<Verdict, NotStreamable> {
        let mut repo = self.stream(Pushed::new());
        let mut faults = Vec::new();
        for piece in bytes.chunks(length) {
            repo.push(piece);
            loop {
                match repo.next() {
                    Ok(Some(entry)) => {
                        faults.extend(entry.record.check().err().map(|error| (entry.path.into(), error)))
                    }
                    Ok(None) => break,
                    Err(error) => return streamed(Err(error)),
                }
            }
        }
        repo.end();
        match streamed(repo.check())? {
            Verdict::Valid(summary, _) => Ok(Verdict::Valid(summary, faults)),
            other => Ok(other),
        }
    }

    #[cfg(feature = "futures")]
    fn as_stream(self, bytes: &[u8]) -> Result<Verdict, NotStreamable> {
        use atproto_repo::repo::stream::RecordStream;
        use futures_util::StreamExt as _;
        let mut records = if self.signed {
            RecordStream::verify(bytes, did(), key())
        } else {
            RecordStream::unsigned(bytes)
        };
        let mut count = 0;
        while let Some(record) = futures_executor::block_on(records.next()) {
            match record {
                Ok(_) => count += 1,
                Err(error) => return streamed(Err(error)),
            }
        }
        let summary = records.summary().unwrap();
        assert_eq!(count, summary.records);
        streamed(Ok(summary))
    }

    /// Errors, too, are the same here.
    #[cfg(feature = "rayon")]
    fn parallel(self, bytes: &[u8]) {
        let (car, serial) = match (Car::parse_parallel(bytes), Car::parse(bytes)) {
            (Ok(car), Ok(serial)) => (car, serial),
            (parallel, serial) => return assert_eq!(parallel.map(drop), serial.map(drop)),
        };
        assert_eq!(car.len(), serial.len());
        assert!(car.blocks().map(|block| block.offset).eq(serial.blocks().map(|block| block.offset)));
        assert!(car.blocks().all(|block| car.get(&block.cid) == Some(block.bytes)));
        let (parallel, serial) = (self.open(&car), self.open(&serial));
        let (parallel, serial) = match (parallel, serial) {
            (Ok(parallel), Ok(serial)) => (parallel, serial),
            (parallel, serial) => return assert_eq!(parallel.map(drop), serial.map(drop)),
        };
        let (mut found, mut expected) = (Vec::new(), Vec::new());
        let checked = parallel.check_records_parallel(|path, error| found.push((path, error)));
        assert_eq!(checked, serial.check_records(|path, error| expected.push((path, error))));
        assert_eq!(found, expected);
        assert_eq!(parallel.check_parallel(), serial.check());
    }
}

/// Keeps the file with its verdict, where a folder is named, for the test in WebAssembly.
fn keep(bytes: &[u8], verdict: &Verdict) {
    let Some(folder) = std::env::var_os("ATPROTO_KEEP_CARS") else { return };
    let verdict = match verdict {
        Verdict::Valid(summary, _) => summary.records.to_string(),
        Verdict::Invalid => "invalid".into(),
        Verdict::Incomplete => "incomplete".into(),
    };
    let name = format!("{}.{verdict}.car", Cid::of_dag_cbor(bytes));
    std::fs::write(std::path::Path::new(&folder).join(name), bytes).unwrap();
}

type ByIndex = Result<Result<(Summary, Vec<(String, RecordError)>), Error>, String>;

fn verdict(checked: &ByIndex) -> Verdict {
    match checked {
        Ok(Ok((summary, faults))) => Verdict::Valid(*summary, faults.clone()),
        Ok(Err(Error::Incomplete(_))) => Verdict::Incomplete,
        Ok(Err(_)) | Err(_) => Verdict::Invalid,
    }
}

fn stream<S: Source>(repo: RepoStream<S>) -> Result<Verdict, NotStreamable> {
    let mut faults = Vec::new();
    streamed(repo.check_records(|path, error| faults.push((path, error)))).map(|verdict| match verdict {
        Verdict::Valid(summary, _) => Verdict::Valid(summary, faults),
        other => other,
    })
}

fn streamed(checked: Result<Summary, StreamError>) -> Result<Verdict, NotStreamable> {
    match checked {
        Ok(summary) => Ok(Verdict::Valid(summary, Vec::new())),
        Err(StreamError::NotStreamable(other)) => Err(other),
        Err(StreamError::Incomplete(_)) => Ok(Verdict::Incomplete),
        Err(StreamError::Io(error)) => panic!("{error}"),
        Err(_) => Ok(Verdict::Invalid),
    }
}

#[cfg(feature = "futures")]
fn without_faults(verdict: &Verdict) -> Verdict {
    match verdict {
        Verdict::Valid(summary, _) => Verdict::Valid(*summary, Vec::new()),
        other => other.clone(),
    }
}

/// The blocks in the order in which a walk asks for them, as far as they can be followed, and then the others: whatever the tree
/// is like.
pub(crate) fn pre_order(car: &Car<'_>) -> Vec<u8> {
    let mut order = Order { car, blocks: Blocks::default() };
    if let Some(root) = car.roots().first() {
        order.add(root);
        let commit = car.get(root).and_then(|block| cbor::to_value(block).ok());
        if let Some(data) = commit.as_ref().and_then(|commit| link(commit.as_object()?, "data")) {
            order.node(&data, 0);
        }
    }
    let used: BTreeMap<Cid, ()> = order.blocks.0.iter().map(|(cid, _)| (*cid, ())).collect();
    let rest = car.blocks().filter(|block| !used.contains_key(&block.cid));
    order.blocks.0.extend(rest.map(|block| (block.cid, block.bytes.to_vec())));
    order.blocks.car(car.roots())
}

struct Order<'a> {
    car: &'a Car<'a>,
    blocks: Blocks,
}

impl Order<'_> {
    fn add(&mut self, cid: &Cid) {
        // A hostile tree may link its nodes again and again.
        if let Some(block) = self.car.get(cid).filter(|_| self.blocks.0.len() < 20_000) {
            self.blocks.0.push((*cid, block.to_vec()));
        }
    }

    fn node(&mut self, cid: &Cid, depth: usize) {
        self.add(cid);
        let node = self.car.get(cid).filter(|_| depth < 140).and_then(|block| cbor::to_value(block).ok());
        let Some(Value::Object(node)) = node else { return };
        if let Some(left) = link(&node, "l") {
            self.node(&left, depth + 1);
        }
        let Some(Value::Array(entries)) = node.get("e") else { return };
        for entry in entries.iter().filter_map(Value::as_object) {
            if let Some(value) = link(entry, "v") {
                self.add(&value);
            }
            if let Some(right) = link(entry, "t") {
                self.node(&right, depth + 1);
            }
        }
    }
}

fn link(object: &Object, name: &str) -> Option<Cid> {
    object.get(name)?.as_link().and_then(Link::as_cid).copied()
}
