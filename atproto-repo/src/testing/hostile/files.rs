use super::super::model::{Repository, header, paths, prefixed, section};
use super::{case, repository};
use atproto_lexicon::data::{Cid, Codec, Object, Value, cbor};
use atproto_lexicon::testing::Hostile;
use atproto_lexicon::testing::Verdict::{Incomplete, Invalid, Valid};

/// A header of these fields.
fn header_of(fields: Object) -> Vec<u8> {
    prefixed(&cbor::to_vec(&fields).unwrap())
}

fn version(number: i64) -> Value {
    Value::Integer(number)
}

/// What is wrong with the framing of a file, or with which blocks are in it.
pub(super) fn cases() -> Vec<Hostile<Vec<u8>>> {
    let whole = repository();
    let (car, roots) = (whole.car(), Value::Array(vec![whole.commit.into()]));
    let start = header(&[whole.commit]).len();
    let blocks = &whole.blocks.0;
    // Records first, then nodes, then the commit.
    let (record, node) = (blocks[0].0, blocks[blocks.len() - 2].0);
    let without = |cid: Cid| {
        let mut blocks = whole.blocks.clone();
        blocks.0.retain(|(other, _)| *other != cid);
        blocks.car(&[whole.commit])
    };
    let with_header = |header: &[u8]| [header, &car[start..]].concat();
    let and = |more: &[u8]| [&car[..], more].concat();
    let mut reversed = whole.blocks.clone();
    reversed.0.reverse();
    let mut flipped = car.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    let in_record = {
        let mut blocks = whole.blocks.clone();
        let end = blocks.0[0].1.len() - 1;
        blocks.0[0].1[end] ^= 1;
        blocks.car(&[whole.commit])
    };
    let sha512 = [&[1, 0x71, 0x13, 64][..], &[0; 64], b"\xa0"].concat();
    let v0 = [&[0x12, 0x20][..], record.digest(), &blocks[0].1].concat();
    // A block again, its length in a byte more than it needs.
    let again = section(&record, &blocks[0].1);
    let long = [&[again[0] | 0x80, 0], &again[1..]].concat();
    let far = {
        // Records that are not CBOR are faults of their own, not the repository's.
        let mut other = Repository::of(&paths(1));
        other.blocks.0.push((Cid::of(Codec::Raw, b"a blob"), b"a blob".to_vec()));
        other.car()
    };
    vec![
        case("as it should be", car.clone(), Valid),
        case("blocks in the opposite order", reversed.car(&[whole.commit]), Valid),
        case("block twice", and(&section(&record, &blocks[0].1)), Valid),
        case("block that nobody links to", and(&section(&Cid::of_dag_cbor(b"\xa0"), b"\xa0")), Valid),
        case("blob beside the blocks", far, Valid),
        case("second root", with_header(&header(&[whole.commit, record])), Valid),
        case("no record", Repository::of(&[]).car(), Valid),
        case("nothing", Vec::new(), Invalid),
        case("header only", header(&[whole.commit]), Incomplete),
        case("commit is missing", without(whole.commit), Incomplete),
        case("root node is missing", without(node), Incomplete),
        case("record is missing", without(record), Incomplete),
        case("root whose block is not there", with_header(&header(&[Cid::of_dag_cbor(b"")])), Incomplete),
        case("root that is a record", with_header(&header(&[record])), Invalid),
        case("no roots", with_header(&header(&[])), Invalid),
        case("last byte is missing", car[..car.len() - 1].to_vec(), Invalid),
        case("cut within a length", and(&[0x80]), Invalid),
        case("cut after a length", and(&[0x25]), Invalid),
        case("last bit flipped", flipped, Invalid),
        case("bit of a record flipped", in_record, Invalid),
        case("length in more bytes than needed", and(&long), Invalid),
        case("length of eleven bytes", and(&[0xff; 11]), Invalid),
        case("section of 2^60 bytes", and(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]), Invalid),
        case("section of no bytes", and(&[0x00]), Invalid),
        case("section of half a CID", and(&prefixed(&record.as_bytes()[..20])), Invalid),
        case("section under a CID of version 0", and(&prefixed(&v0)), Invalid),
        case("section under another hash", and(&prefixed(&sha512)), Invalid),
        case("block of another CID", and(&section(&record, b"\xa0")), Invalid),
        case(
            "version 2",
            with_header(&header_of(Object::from([
                ("roots".into(), roots.clone()),
                ("version".into(), version(2)),
            ]))),
            Invalid,
        ),
        case("no version", with_header(&header_of(Object::from([("roots".into(), roots.clone())]))), Invalid),
        case(
            "no list of roots",
            with_header(&header_of(Object::from([("version".into(), version(1))]))),
            Invalid,
        ),
        case(
            "roots that are text",
            with_header(&header_of(Object::from([
                ("roots".into(), "a".into()),
                ("version".into(), version(1)),
            ]))),
            Invalid,
        ),
        case("header that is a list", with_header(&prefixed(&[0x80])), Invalid),
        case("header that is not CBOR", with_header(&prefixed(b"\xff")), Invalid),
        case("header of no bytes", with_header(&[0]), Invalid),
        case(
            "byte after the header's object",
            {
                let inner = &header(&[whole.commit])[1..];
                with_header(&prefixed(&[inner, &[0]].concat()))
            },
            Invalid,
        ),
    ]
}
