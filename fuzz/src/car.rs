//! All readers of a CAR see the same blocks, or the same fault at the same place, however the file is cut into pieces.

use arbitrary::Unstructured;
use atproto_lexicon::data::{Cid, Codec};
use atproto_repo::car::{Car, CarError, CarFile, Decoder, OpenError};
use atproto_repo::store::{Archive, Blocks};
use std::io::Cursor;

pub fn check(data: &[u8]) {
    let mut input = Unstructured::new(data);
    // The fuzzer finds no preimages: where the first byte says so, the digests are made right.
    let (pieces, is_fixed) =
        (input.arbitrary::<[u8; 4]>().unwrap_or_default(), input.arbitrary().unwrap_or(false));
    let mut bytes = input.take_rest().to_vec();
    if is_fixed {
        fix_digests(&mut bytes);
    }
    check_readers(&bytes, &pieces);
}

fn check_readers(bytes: &[u8], pieces: &[u8]) {
    let car = Car::parse(bytes);
    let pushed = push(bytes, pieces);
    let file = CarFile::open(Cursor::new(bytes));
    let car = match car {
        Ok(car) => car,
        Err(error) => {
            assert_eq!(pushed, Err(error));
            assert!(matches!(file, Err(OpenError::Car(other)) if other == error));
            assert!(error.offset as usize <= bytes.len());
            return;
        }
    };
    let (roots, blocks) = pushed.unwrap();
    let file = file.unwrap();
    assert_eq!((roots.as_slice(), Archive::roots(&file)), (car.roots(), car.roots()));
    assert_eq!(file.len(), car.len());
    let mut buf = Vec::new();
    for (cid, block) in &blocks {
        assert!(cid.matches(block));
        assert_eq!(car.get(cid), Some(block.as_slice()));
        assert_eq!(file.get(cid, &mut buf).unwrap(), Some(block.as_slice()));
    }
    let mut different: Vec<_> = blocks.iter().map(|(cid, _)| *cid).collect();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), car.len());
    let listed: Vec<_> = car.blocks().map(|block| block.cid).collect();
    assert_eq!(listed.len(), car.len());
}

type Pushed = (Vec<Cid>, Vec<(Cid, Vec<u8>)>);

/// Pushes the bytes in pieces of these lengths, in turn.
fn push(bytes: &[u8], pieces: &[u8]) -> Result<Pushed, CarError> {
    let mut decoder = Decoder::new();
    let mut blocks = Vec::new();
    let mut rest = bytes;
    for length in pieces.iter().cycle() {
        // At its longest a piece is more than most sections are.
        let (piece, after) = rest.split_at(rest.len().min(1 + usize::from(*length) * 3));
        decoder.push(piece);
        while let Some(block) = decoder.next_block()? {
            blocks.push((block.cid, block.bytes.to_vec()));
        }
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    let roots = decoder.roots()?.map(<[Cid]>::to_vec);
    decoder.finish()?;
    Ok((roots.unwrap_or_default(), blocks))
}

/// Writes the right CID into every section, as far as the framing can be followed.
pub fn fix_digests(bytes: &mut [u8]) {
    let Some((length, at)) = varint(bytes, 0) else { return };
    let mut next = at.saturating_add(length);
    while let Some((length, at)) = varint(bytes, next) {
        let end = at.saturating_add(length);
        let Some(section) = bytes.get_mut(at..end).filter(|section| section.len() >= Cid::LEN) else {
            return;
        };
        let (cid, block) = section.split_at_mut(Cid::LEN);
        let codec = if cid[1] == 0x55 { Codec::Raw } else { Codec::DagCbor };
        cid.copy_from_slice(Cid::of(codec, block).as_bytes());
        next = end;
    }
}

fn varint(bytes: &[u8], start: usize) -> Option<(usize, usize)> {
    let mut number = 0;
    for (index, byte) in bytes.get(start..)?.iter().enumerate().take(4) {
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, start + index + 1));
        }
    }
    None
}
