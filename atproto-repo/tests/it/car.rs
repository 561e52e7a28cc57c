use crate::model::{Repository, did, header, key, paths, prefixed, section};
use crate::ways::check;
use atproto_lexicon::data::{Cid, CidError, Codec};
use atproto_repo::car::{Car, CarError, CarFile, CarReason as Reason, Decoder, Limits, OpenError};
use atproto_repo::repo::{Error, Repo, UnsignedRepo};
use atproto_repo::store::{Archive, Blocks};
use std::cell::Cell;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::rc::Rc;

/// What every reader says of the bytes; they must agree.
fn parse(bytes: &[u8]) -> Result<usize, CarError> {
    let in_memory = Car::parse(bytes).map(|car| car.len());
    let in_file = match CarFile::open(Cursor::new(bytes)) {
        Ok(file) => Ok(file.len()),
        Err(OpenError::Car(error)) => Err(error),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(in_file, in_memory);
    assert_eq!(push(bytes, 1).map(drop), in_memory.map(drop));
    in_memory
}

/// Pushes pieces of this length.
fn push(bytes: &[u8], length: usize) -> Result<Vec<Cid>, CarError> {
    let mut decoder = Decoder::new();
    let mut cids = Vec::new();
    for piece in bytes.chunks(length) {
        decoder.push(piece);
        while let Some(block) = decoder.next_block()? {
            assert!(block.cid.matches(block.bytes));
            let at = block.offset as usize;
            assert_eq!(&bytes[at..at + Cid::LEN], block.cid.as_bytes());
            cids.push(block.cid);
        }
    }
    decoder.roots()?;
    decoder.finish()?;
    Ok(cids)
}

fn reason(bytes: &[u8]) -> Reason {
    parse(bytes).unwrap_err().reason
}

#[test]
fn pieces_of_any_length_give_the_same_blocks() {
    let repository = Repository::of(&paths(30));
    let bytes = repository.car();
    let expected: Vec<Cid> = repository.blocks.0.iter().map(|(cid, _)| *cid).collect();
    for length in [1, 2, 7, 64, 1000, bytes.len()] {
        assert_eq!(push(&bytes, length), Ok(expected.clone()));
    }
    let car = Car::parse(&bytes).unwrap();
    assert_eq!(car.blocks().map(|block| block.cid).collect::<Vec<_>>(), expected);
    let file = CarFile::open(Cursor::new(&bytes)).unwrap();
    assert_eq!(Archive::roots(&file), car.roots());
    let mut buf = Vec::new();
    for (cid, block) in &repository.blocks.0 {
        assert_eq!(car.get(cid), Some(block.as_slice()));
        assert_eq!(file.get(cid, &mut buf).unwrap(), Some(block.as_slice()));
    }
    let absent = Cid::of_dag_cbor(b"absent");
    assert_eq!((car.get(&absent), file.get(&absent, &mut buf).unwrap()), (None, None));
}

/// Bytes that come one by one cost no more than they are, however long the block is that they are of.
#[test]
fn single_bytes_of_a_large_block() {
    let block = vec![0x80; 1 << 20];
    let cid = Cid::of_dag_cbor(&block);
    let bytes = [header(&[]), section(&cid, &block), section(&cid, &block)].concat();
    assert_eq!(push(&bytes, 1), Ok(vec![cid, cid]));
}

#[test]
fn a_codec_is_part_of_a_cid() {
    let (cbor, raw) = (Cid::of_dag_cbor(b"\xa0"), Cid::of(Codec::Raw, b"\xa0"));
    let bytes = [header(&[]), section(&cbor, b"\xa0")].concat();
    let car = Car::parse(&bytes).unwrap();
    assert_eq!((car.get(&cbor), car.get(&raw)), (Some(&b"\xa0"[..]), None));
}

#[test]
fn duplicates_and_unrelated_blocks_are_accepted() {
    let mut repository = Repository::of(&paths(20));
    let before = check(&repository.car());
    let count = repository.blocks.0.len();
    repository.blocks.0.extend(repository.blocks.0.clone());
    repository.blocks.add(b"\x63any".to_vec());
    repository.blocks.0.reverse();
    let bytes = repository.car();
    assert_eq!(parse(&bytes), Ok(count + 1));
    assert_eq!(check(&bytes), before);
}

#[test]
fn a_file_cut_anywhere_is_an_error_or_incomplete() {
    let repository = Repository::of(&paths(5));
    let bytes = repository.car();
    let mut boundaries = vec![header(&[repository.commit]).len()];
    for (cid, block) in &repository.blocks.0 {
        boundaries.push(boundaries.last().unwrap() + section(cid, block).len());
    }
    for length in 0..bytes.len() {
        let cut = &bytes[..length];
        if boundaries.contains(&length) {
            parse(cut).unwrap();
            assert!(matches!(check(cut).unwrap(), Err(Error::Incomplete(_))), "{length}");
        } else {
            let at = boundaries.iter().rev().find(|boundary| **boundary < length).unwrap_or(&0);
            assert_eq!(
                parse(cut),
                Err(CarError { reason: Reason::Truncated, offset: *at as u64 }),
                "{length}"
            );
        }
    }
}

#[test]
fn lengths() {
    let start = header(&[]);
    let with = |bytes: &[u8]| reason(&[&start[..], bytes].concat());
    assert_eq!(with(&[0xff; 10]), Reason::Varint);
    assert_eq!(with(&[&[0x80; 9][..], &[1]].concat()), Reason::Varint);
    assert_eq!(with(&[0x80, 0]), Reason::Varint);
    assert_eq!(with(&[0xff; 8]), Reason::Truncated);
    // 2⁶³ needs ten bytes; the greatest that nine can say is refused for its length, before anything is waited for.
    assert_eq!(
        with(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        Reason::TooLong { length: (1 << 63) - 1 }
    );
    assert_eq!(with(&[0]), Reason::Cid(CidError::Length));
    assert_eq!(with(&[35; 36]), Reason::Cid(CidError::Version));
    let block = vec![0; 5 << 20];
    assert_eq!(parse(&[&start[..], &section(&Cid::of_dag_cbor(&block), &block)].concat()), Ok(1));
    let block = vec![0; (5 << 20) + 1];
    assert!(matches!(with(&section(&Cid::of_dag_cbor(&block), &block)), Reason::TooLong { .. }));
    let limits = Limits { block: 2, ..Limits::default() };
    let bytes = [&start[..], &section(&Cid::of_dag_cbor(b"\xa0\xa0\xa0"), b"\xa0\xa0\xa0")].concat();
    assert!(matches!(Car::parse_with(&bytes, &limits).unwrap_err().reason, Reason::TooLong { length: 39 }));
    assert!(matches!(reason(&[0xff, 0xff, 0x7f]), Reason::TooLong { .. }));
}

#[test]
fn sections_of_other_cids() {
    let start = header(&[]);
    let with = |cid: &[u8], block: &[u8]| reason(&[&start[..], &prefixed(&[cid, block].concat())].concat());
    let cid = *Cid::of_dag_cbor(b"\xa0").as_bytes();
    let change = |at: usize, byte: u8| {
        let mut cid = cid;
        cid[at] = byte;
        with(&cid, b"\xa0")
    };
    assert_eq!(change(0, 0), Reason::Cid(CidError::Version));
    assert_eq!(change(1, 0x70), Reason::Cid(CidError::Codec));
    assert_eq!(change(2, 0x1e), Reason::Cid(CidError::Hash));
    assert_eq!(change(3, 0x1f), Reason::Cid(CidError::Length));
    assert!(matches!(change(35, 0), Reason::Hash(_)));
    assert!(matches!(with(&cid, b"\xa1"), Reason::Hash(_)));
}

#[test]
fn headers() {
    let with = |header: &[u8]| reason(&prefixed(header));
    assert_eq!(parse(&prefixed(b"\xa2\x65roots\x80\x67version\x01")), Ok(0));
    assert_eq!(with(b"\xa2\x65roots\x80\x67version\x02"), Reason::Version(2));
    assert_eq!(with(b"\xa1\x67version\x01"), Reason::HeaderShape);
    assert_eq!(with(b"\xa1\x65roots\x80"), Reason::HeaderShape);
    assert_eq!(with(b"\xa3\x61x\x00\x65roots\x80\x67version\x01"), Reason::HeaderShape);
    assert_eq!(with(b"\xa2\x65roots\x81\xf6\x67version\x01"), Reason::HeaderShape);
    assert_eq!(
        with(b"\xa2\x65roots\x81\xd8\x2a\x45\0\x01\x71\x00\x00\x67version\x01"),
        Reason::Cid(CidError::Hash)
    );
    assert!(matches!(with(b"\xa2\x67version\x01\x65roots\x80"), Reason::HeaderCbor(_)));
    assert!(matches!(with(&[0x81; 50_000]), Reason::HeaderCbor(_)));
    assert_eq!(reason(b""), Reason::Truncated);
    assert_eq!(reason(b"\0"), Reason::HeaderCbor(atproto_lexicon::data::cbor::validate(b"").unwrap_err()));
}

/// A file which changes or breaks after it was opened.
struct Changing {
    bytes: Cursor<Vec<u8>>,
    mask: Rc<Cell<u8>>,
    broken: Rc<Cell<bool>>,
}

impl Read for Changing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.broken.get() {
            return Err(io::Error::other("broken"));
        }
        let length = self.bytes.read(buf)?;
        buf[..length].iter_mut().for_each(|byte| *byte ^= self.mask.get());
        Ok(length)
    }
}

impl Seek for Changing {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(position)
    }
}

#[test]
fn an_io_error_is_not_a_missing_block() {
    let repository = Repository::of(&paths(30));
    let (mask, broken) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let open = || {
        let bytes = Cursor::new(repository.car());
        CarFile::open(Changing { bytes, mask: mask.clone(), broken: broken.clone() })
    };
    let file = open().unwrap();
    let repo = Repo::verify(&file, &did(), &key()).unwrap();
    assert!(repo.check().is_ok());
    broken.set(true);
    assert!(matches!(open(), Err(OpenError::Io(_))));
    assert!(matches!(repo.check(), Err(Error::Source(_))));
    assert!(file.get(&repository.commit, &mut Vec::new()).is_err());
    let absent = Cid::of_dag_cbor(b"absent");
    assert_eq!(file.get(&absent, &mut Vec::new()).unwrap(), None, "there is nothing to read for it");
    broken.set(false);
    mask.set(1);
    assert!(matches!(repo.check(), Err(Error::Source(error)) if error.kind() == io::ErrorKind::InvalidData));
    mask.set(0);
    assert!(repo.check().is_ok());
}

/// Blocks are hashed each time that they are read from a file, since only their CIDs were kept.
#[test]
fn a_block_that_changed_in_the_file_is_found() {
    let repository = Repository::of(&paths(30));
    let bytes = repository.car();
    for (cid, block) in &repository.blocks.0 {
        let at = bytes.windows(block.len()).position(|window| window == block).unwrap();
        let shared = Rc::new(std::cell::RefCell::new(bytes.clone()));
        let file = CarFile::open(Shared { bytes: shared.clone(), at: 0 }).unwrap();
        shared.borrow_mut()[at + block.len() - 1] ^= 1;
        let verdict = UnsignedRepo::open(&file)
            .and_then(|repo| repo.verify(&did(), &key()))
            .and_then(|repo| repo.check());
        assert!(matches!(verdict, Err(Error::Invalid(_))), "{cid}: {verdict:?}");
    }
}

/// A file that can be written to while it is open.
struct Shared {
    bytes: Rc<std::cell::RefCell<Vec<u8>>>,
    at: u64,
}

impl Read for Shared {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.bytes.borrow()[self.at as usize..].as_ref().read(buf)?;
        self.at += length as u64;
        Ok(length)
    }
}

impl Seek for Shared {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        if let SeekFrom::Start(at) = position {
            self.at = at;
        }
        Ok(self.at)
    }
}

/// One large record linked from many paths costs a few bytes a link, and is read and checked once.
#[test]
fn a_record_linked_often_is_checked_once() {
    let mut repository = Repository::of(&[]);
    let items = 400_000_u32.to_be_bytes();
    let head = [&[0xa1, 0x61, b'a', 0x5a][..], &items].concat();
    let record = [&head[..], &vec![0; 400_000]].concat();
    let cid = repository.blocks.add(record);
    let pairs: Vec<_> = paths(3000).into_iter().map(|path| (path.into_bytes(), cid)).collect();
    let root = crate::model::Model::of(&pairs).write(&mut repository.blocks);
    repository.commit = repository.blocks.add(crate::model::commit(root));
    let bytes = repository.car();
    // Read once for each link, it would be 1.2 GB.
    let read = Rc::new(Cell::new(0));
    let file = CarFile::open(Metered(Cursor::new(&bytes), read.clone())).unwrap();
    let opened = read.get();
    let repo = Repo::verify(&file, &did(), &key()).unwrap();
    assert_eq!(repo.check_records(|_, _| ()).unwrap().records, 3000);
    assert!(read.get() - opened < 4 * bytes.len(), "{} bytes", read.get() - opened);
    let source = atproto_repo::repo::stream::File::new(Metered(Cursor::new(&bytes), read.clone()));
    let before = read.get();
    let stream = atproto_repo::repo::stream::RepoStream::verify(source, did(), key());
    assert_eq!(stream.check_records(|_, _| ()).unwrap().records, 3000);
    assert!(read.get() - before < 8 * bytes.len(), "{} bytes", read.get() - before);
}

struct Metered<'a>(Cursor<&'a Vec<u8>>, Rc<Cell<usize>>);

impl Read for Metered<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(buf)?;
        self.1.set(self.1.get() + length);
        Ok(length)
    }
}

impl Seek for Metered<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.0.seek(position)
    }
}
