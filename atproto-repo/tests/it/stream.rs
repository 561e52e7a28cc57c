use crate::model::{Repository, did, key, paths};
use crate::ways::pre_order;
use atproto_lexicon::data::Cid;
use atproto_repo::car::{Car, CarError};
use atproto_repo::repo::stream::{
    File, NotStreamable, Pushed, Reader, RepoStream, Slice, StreamError, StreamStep,
};
use atproto_repo::repo::{Invalid, Missing};
use std::io::{self, Cursor, Read, Seek, SeekFrom};

fn ordered(count: u64) -> Vec<u8> {
    let bytes = Repository::of(&paths(count)).car();
    pre_order(&Car::parse(&bytes).unwrap())
}

#[test]
fn pre_order_is_listed_in_one_pass() {
    let repository = Repository::of(&paths(300));
    let bytes = ordered(300);
    let mut repo = RepoStream::verify(Reader::new(&*bytes), did(), key());
    assert!(repo.commit().is_none() && repo.summary().is_none() && repo.entry().is_none());
    let mut found = Vec::new();
    while let Some(entry) = repo.next().unwrap() {
        assert!(entry.cid.matches(entry.record.bytes));
        found.push((entry.path.to_owned(), entry.cid));
        assert_eq!(repo.entry().unwrap().path, found.last().unwrap().0);
    }
    assert!(repo.entry().is_none());
    assert_eq!(found, repository.records.clone().into_iter().collect::<Vec<_>>());
    assert_eq!(repo.summary().unwrap().records, 300);
    assert_eq!((repo.commit().unwrap().did.clone(), repo.commit_cid()), (did(), Some(&repository.commit)));
    assert!(repo.next().unwrap().is_none(), "the end comes again");
}

/// A file that counts how much was read of it, and whether it was sought.
struct Counted<'a>(Cursor<&'a [u8]>, &'a std::cell::Cell<(usize, usize)>);

impl Read for Counted<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(buf)?;
        self.1.set((self.1.get().0 + length, self.1.get().1));
        Ok(length)
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.1.set((self.1.get().0, self.1.get().1 + 1));
        self.0.seek(position)
    }
}

#[test]
fn the_order_is_seen() {
    let bytes = ordered(500);
    let used = std::cell::Cell::new((0, 0));
    let file = File::new(Counted(Cursor::new(&bytes), &used));
    assert_eq!(RepoStream::verify(file, did(), key()).check().unwrap().records, 500);
    assert_eq!(used.get(), (bytes.len(), 0), "read once, never sought");
    let unordered = Repository::of(&paths(500)).car();
    let file = File::new(Counted(Cursor::new(&unordered), &used));
    assert_eq!(RepoStream::verify(file, did(), key()).check().unwrap().records, 500);
    assert!(used.get().1 > 0);
    let reader = RepoStream::verify(Reader::new(&*unordered), did(), key()).check();
    let commit = Repository::of(&paths(500)).commit;
    match reader {
        Err(StreamError::NotStreamable(NotStreamable { expected, found: Some(_) })) => {
            assert_eq!(expected, commit)
        }
        other => panic!("{other:?}"),
    }
}

/// What was listed before the order broke is not listed again.
#[test]
fn an_order_that_breaks_goes_on_by_index() {
    let repository = Repository::of(&paths(200));
    let bytes = ordered(200);
    let car = Car::parse(&bytes).unwrap();
    let mut blocks =
        crate::model::Blocks(car.blocks().map(|block| (block.cid, block.bytes.to_vec())).collect());
    let last = blocks.0.len() - 1;
    blocks.0.swap(last / 2, last);
    let bytes = blocks.car(&[repository.commit]);
    let all: Vec<_> = repository.records.clone().into_iter().collect();
    let mut slice = RepoStream::verify(Slice::new(&bytes), did(), key());
    let mut file = RepoStream::verify(File::new(Cursor::new(&bytes)), did(), key());
    let mut found = [Vec::new(), Vec::new()];
    while let Some(entry) = slice.next().unwrap() {
        found[0].push((entry.path.to_owned(), entry.cid));
        assert!(entry.cid.matches(entry.record.bytes));
    }
    while let Some(entry) = file.next().unwrap() {
        found[1].push((entry.path.to_owned(), entry.cid));
        assert!(entry.cid.matches(entry.record.bytes));
    }
    assert_eq!(found, [all.clone(), all]);
    let mut reader = RepoStream::verify(Reader::new(&*bytes), did(), key());
    let listed =
        std::iter::from_fn(|| reader.next().is_ok_and(|entry| entry.is_some()).then_some(())).count();
    assert!((50..150).contains(&listed), "{listed}");
    assert!(matches!(reader.next(), Err(StreamError::NotStreamable(_))), "it is said again");
}

#[test]
fn a_record_linked_twice_is_there_twice_or_looked_up() {
    let mut repository = Repository::of(&[]);
    let cid = repository.blocks.add(b"\xa0".to_vec());
    let pairs: Vec<_> = paths(40).into_iter().map(|path| (path.into_bytes(), cid)).collect();
    let root = crate::model::Model::of(&pairs).write(&mut repository.blocks);
    repository.commit = repository.blocks.add(crate::model::commit(root));
    let bytes = repository.car();
    crate::ways::check(&bytes).unwrap().unwrap();
    let twice = pre_order(&Car::parse(&bytes).unwrap());
    let count =
        |bytes: &[u8]| RepoStream::verify(Reader::new(bytes), did(), key()).check().map(|s| s.records);
    assert_eq!(count(&twice).unwrap(), 40);
    let car = Car::parse(&twice).unwrap();
    let once = crate::model::Blocks(car.blocks().map(|block| (block.cid, block.bytes.to_vec())).collect());
    let once = once.car(&[repository.commit]);
    assert!(matches!(count(&once), Err(StreamError::NotStreamable(_))));
    assert_eq!(RepoStream::verify(Slice::new(&once), did(), key()).check().unwrap().records, 40);
    crate::ways::check(&once).unwrap().unwrap();
}

#[test]
fn what_follows_the_repository_is_hashed_too() {
    let good = ordered(20);
    let extra = crate::model::section(&Cid::of_dag_cbor(b"\x01"), b"\x01");
    assert!(crate::ways::check(&[&good[..], &extra].concat()).unwrap().is_ok());
    let forged = crate::model::section(&Cid::of_dag_cbor(b"\x01"), b"\x02");
    let bytes = [&good[..], &forged].concat();
    let mut repo = RepoStream::verify(Reader::new(&*bytes), did(), key());
    let listed = std::iter::from_fn(|| repo.next().is_ok_and(|entry| entry.is_some()).then_some(())).count();
    assert_eq!(listed, 20);
    assert!(
        matches!(repo.next(), Err(StreamError::Car(CarError { offset, .. })) if offset == good.len() as u64)
    );
    assert!(repo.summary().is_none());
}

#[test]
fn bytes_are_pushed_as_they_come() {
    let bytes = ordered(30);
    let mut repo = RepoStream::verify(Pushed::new(), did(), key());
    let mut count = 0;
    for byte in &bytes {
        assert_ne!(repo.step().unwrap(), StreamStep::Done);
        repo.push(std::slice::from_ref(byte));
        while repo.step().unwrap() == StreamStep::Entry {
            count += 1;
            assert!(repo.entry().is_some());
        }
    }
    repo.push(&[]);
    assert!(repo.entry().is_none(), "its block is gone");
    assert_eq!((repo.step().unwrap(), repo.summary()), (StreamStep::NeedBytes, None));
    repo.end();
    assert_eq!((repo.step().unwrap(), count), (StreamStep::Done, 30));
    let unfinished = RepoStream::verify(Pushed::new(), did(), key()).check();
    assert!(
        matches!(unfinished, Err(StreamError::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof)
    );
}

#[test]
fn a_commit_that_cannot_be_there_is_missing() {
    let bytes = crate::model::header(&[Cid::of_dag_cbor(b"commit")]);
    let missing = Missing::Commit(Cid::of_dag_cbor(b"commit"));
    for check in [
        RepoStream::verify(Reader::new(&*bytes), did(), key()).check(),
        RepoStream::verify(Slice::new(&bytes), did(), key()).check(),
    ] {
        assert!(matches!(check, Err(StreamError::Incomplete(what)) if what == missing));
    }
    let bytes = crate::model::header(&[]);
    let check = RepoStream::verify(Reader::new(&*bytes), did(), key()).check();
    assert!(matches!(check, Err(StreamError::Invalid(Invalid::NoRoot))));
}

/// A fault comes again, however often one asks, and the end never.
#[test]
fn a_fault_comes_again() {
    let repository = Repository::of(&["com.example.note/a".to_owned(), "no-path".to_owned()]);
    let bytes = repository.car();
    let car = Car::parse(&bytes).unwrap();
    let ordered = pre_order(&car);
    let mut repo = RepoStream::verify(Reader::new(&*ordered), did(), key());
    assert!(repo.next().unwrap().is_some());
    for _ in 0..3 {
        assert!(matches!(repo.next(), Err(StreamError::Invalid(Invalid::Path { .. }))));
    }
    let by_index = atproto_repo::repo::Repo::verify(&car, &did(), &key()).unwrap();
    let mut walk = by_index.walk();
    assert!(walk.next().unwrap().is_some());
    for _ in 0..3 {
        assert!(walk.next().is_err() && walk.next_path().is_err());
    }
}

#[cfg(feature = "futures")]
mod futures {
    use super::*;
    use futures_util::{FutureExt as _, StreamExt as _};
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// Gives a few bytes every second time that it is asked.
    struct Slow<'a> {
        bytes: &'a [u8],
        is_ready: bool,
    }

    impl futures_util::AsyncRead for Slow<'_> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            self.is_ready = !self.is_ready;
            if !self.is_ready {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let length = self.bytes.len().min(buf.len()).min(50);
            let (now, later) = self.bytes.split_at(length);
            buf[..length].copy_from_slice(now);
            self.bytes = later;
            Poll::Ready(Ok(length))
        }
    }

    #[test]
    fn a_stream_may_be_cancelled_anywhere() {
        let bytes = ordered(100);
        let slow = Slow { bytes: &bytes, is_ready: false };
        let mut records = atproto_repo::repo::stream::RecordStream::verify(slow, did(), key());
        let mut found = Vec::new();
        let mut cancelled = 0;
        loop {
            // Each future is polled once and dropped.
            match records.next().now_or_never() {
                None => cancelled += 1,
                Some(Some(record)) => found.push(record.unwrap().path),
                Some(None) => break,
            }
        }
        assert_eq!(found, paths(100));
        assert!(cancelled > 100);
        assert_eq!(records.summary().unwrap().records, 100);
        assert_eq!(records.commit().unwrap().did, did());
        assert!(records.commit_cid().is_some());
    }
}
