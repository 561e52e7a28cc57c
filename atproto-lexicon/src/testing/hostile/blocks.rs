use super::cases;
use crate::data::frame::to_frame;
use crate::data::{Cid, Codec};
use crate::testing::Hostile;
use crate::testing::Verdict::{Invalid, Valid};

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.replace(' ', "").as_bytes()).unwrap()
}

fn blocks_of(is_valid: bool, all: &[(&str, &str)]) -> Vec<Hostile<Vec<u8>>> {
    cases(is_valid, all).map(|case| case.map(hex)).collect()
}

/// A link in CBOR to a CID of these bytes.
fn link(bytes: &[u8]) -> Vec<u8> {
    [&[0xd8, 42, 0x58, bytes.len() as u8 + 1, 0], bytes].concat()
}

/// Nested arrays.
fn nested(depth: usize) -> Vec<u8> {
    let mut block = vec![0x81; depth - 1];
    block.push(0x80);
    block
}

/// Values in DAG-CBOR: what the data model of AT Protocol takes, and what it does not.
pub fn blocks() -> Vec<Hostile<Vec<u8>>> {
    let mut all = [blocks_of(true, VALID), blocks_of(false, INVALID), blocks_of(false, NO_FLOATS)].concat();
    let cid = Cid::of_dag_cbor(b"");
    let links = [
        (true, "link to a block", link(cid.as_bytes())),
        (true, "link to a blob", link(Cid::of(Codec::Raw, b"").as_bytes())),
        (false, "link without the zero byte", [&[0xd8, 42, 0x58, 36][..], cid.as_bytes()].concat()),
        (
            false,
            "link with another multibase prefix",
            [&[0xd8, 42, 0x58, 37, 1][..], cid.as_bytes()].concat(),
        ),
        (false, "link of CID version 0", [&[0xd8, 42, 0x58, 35, 0, 0x12, 0x20][..], cid.digest()].concat()),
        (false, "link with half a digest", link(&cid.as_bytes()[..20])),
        (false, "link with more than a digest", link(&[&cid.as_bytes()[..], b"x"].concat())),
        (false, "link that is text", hex("d82a 63 626166")),
        (false, "link that is empty", hex("d82a 40")),
        (
            false,
            "link whose tag is not of the shortest form",
            [&[0xd9, 0, 42], &link(cid.as_bytes())[2..]].concat(),
        ),
        (false, "link in a link", [&[0xd8, 42][..], &link(cid.as_bytes())].concat()),
        (false, "10,000 arrays in one another", nested(10_000)),
        (true, "100 arrays in one another", nested(100)),
        (false, "text with half of its bytes", [&[0x78, 200][..], &[b'a'; 100]].concat()),
    ];
    all.extend(
        links
            .into_iter()
            .map(|(is_valid, name, block)| Hostile::new(name, block, if is_valid { Valid } else { Invalid })),
    );
    all
}

/// Values in DRISL, which has floats and larger integers, besides [`blocks`] that are not about these.
pub fn drisl_blocks() -> Vec<Hostile<Vec<u8>>> {
    let valid = [
        ("float", "fb 3ff8000000000000"),
        ("float with an integral value", "fb 4000000000000000"),
        ("greatest unsigned integer", "1b ffffffffffffffff"),
        ("least negative integer", "3b ffffffffffffffff"),
    ];
    let invalid = [
        ("NaN", "fb 7ff8000000000000"),
        ("NaN with a payload", "fb 7ff8000000000001"),
        ("infinity", "fb 7ff0000000000000"),
        ("negative infinity", "fb fff0000000000000"),
        ("negative zero", "fb 8000000000000000"),
        ("float of 32 bits", "fa 3fc00000"),
        ("float of 16 bits", "f9 3e00"),
    ];
    [blocks_of(true, VALID), blocks_of(false, INVALID), blocks_of(true, &valid), blocks_of(false, &invalid)]
        .concat()
}

/// Records in DAG-CBOR: objects that keep the rules on `$type` and on blobs.
pub fn records() -> Vec<Hostile<Vec<u8>>> {
    [
        blocks_of(
            true,
            &[
                ("type", "a1 65 2474797065 63 612e62"),
                ("no type", "a0"),
                ("unknown field with a dollar", "a1 62 2478 f6"),
            ],
        ),
        blocks_of(
            false,
            &[
                ("array", "80"),
                ("text", "61 61"),
                ("null", "f6"),
                ("empty type", "a1 65 2474797065 60"),
                ("type that is a number", "a1 65 2474797065 00"),
                ("type that is null", "a1 65 2474797065 f6"),
                ("empty type within", "a1 61 61 a1 65 2474797065 60"),
                ("blob of nothing", "a1 65 2474797065 64 626c6f62"),
                (
                    "blob whose link is text",
                    "a4 63 726566 60 64 73697a65 01 65 2474797065 64 626c6f62 68 6d696d6554797065 63 612f62",
                ),
            ],
        ),
    ]
    .concat()
}

/// Messages of an event stream.
pub fn frames() -> Vec<Hostile<Vec<u8>>> {
    let body = b"\xa1\x61a\x01";
    let whole = to_frame("#info", body);
    let header = whole[..whole.len() - body.len()].to_vec();
    let header = &header[..];
    let with = |header: &str, body: &[u8]| [&hex(header), body].concat();
    let error = |body: &str| with("a1 62 6f70 20", &hex(body));
    [
        (true, "message", whole.clone()),
        (true, "type of the future", to_frame("#future", body)),
        (true, "operation of the future", with("a1 62 6f70 05", body)),
        (true, "error", error("a1 65 6572726f72 61 78")),
        (true, "unknown field in the header", with("a3 61 74 62 2378 61 7a f6 62 6f70 01", body)),
        (false, "nothing", Vec::new()),
        (false, "header only", header.to_vec()),
        (false, "three objects", [&whole[..], &[0xa0]].concat()),
        (false, "half a body", whole[..whole.len() - 1].to_vec()),
        (false, "body that is an array", [header, &[0x80]].concat()),
        (false, "header that is an array", with("82 01 62 2378", body)),
        (false, "no operation", with("a1 61 74 62 2378", body)),
        (false, "operation that is text", with("a2 61 74 62 2378 62 6f70 61 31", body)),
        (false, "no type", with("a1 62 6f70 01", body)),
        (false, "type that is a number", with("a2 61 74 01 62 6f70 01", body)),
        (false, "float in the body", [header, &hex("a1 61 61 fb 3ff8000000000000")].concat()),
        (false, "fields of the header not in order", with("a2 62 6f70 01 61 74 62 2378", body)),
        (false, "type twice in the header", with("a3 61 74 62 2378 61 74 62 2378 62 6f70 01", body)),
        (false, "error without a name", error("a0")),
        (false, "JSON", b"{\"op\":1,\"t\":\"#x\"}{}".to_vec()),
    ]
    .into_iter()
    .map(|(is_valid, name, frame)| Hostile::new(name, frame, if is_valid { Valid } else { Invalid }))
    .collect()
}

const VALID: &[(&str, &str)] = &[
    ("empty object", "a0"),
    ("null, booleans", "83 f6 f5 f4"),
    ("integers where their length changes", "86 17 1818 18ff 190100 1a00010000 1b0000000100000000"),
    ("greatest integer of 64 bits with a sign", "1b 7fffffffffffffff"),
    ("least integer of 64 bits with a sign", "3b 7fffffffffffffff"),
    ("names by length first", "a3 61 62 00 62 6161 00 62 6162 00"),
    ("empty name", "a1 60 f6"),
    ("empty text, empty bytes", "82 60 40"),
    ("text with NUL", "61 00"),
    ("text of four bytes a character", "64 f09fa68b"),
];

const INVALID: &[(&str, &str)] = &[
    ("nothing", ""),
    ("byte after the value", "a0 00"),
    ("value after the value", "01 01"),
    ("text cut off", "62 61"),
    ("object cut off", "a1 61 61"),
    ("head cut off", "19 01"),
    ("23 in two bytes", "18 17"),
    ("255 in three bytes", "19 00ff"),
    ("65,535 in five bytes", "1a 0000ffff"),
    ("32 bits in nine bytes", "1b 00000000ffffffff"),
    ("negative number not of the shortest form", "38 00"),
    ("length of a text not of the shortest form", "78 01 61"),
    ("length of bytes not of the shortest form", "59 0001 00"),
    ("length of an array not of the shortest form", "98 01 00"),
    ("length of an object not of the shortest form", "b8 01 61 61 00"),
    ("text without a length", "7f 61 61 ff"),
    ("bytes without a length", "5f 41 00 ff"),
    ("array without a length", "9f 00 ff"),
    ("object without a length", "bf 61 61 00 ff"),
    ("break alone", "ff"),
    ("reserved length 28", "1c"),
    ("reserved length 30", "9e"),
    ("undefined", "f7"),
    ("simple value 16", "f0"),
    ("simple value in two bytes", "f8 ff"),
    ("false in two bytes", "f8 14"),
    ("tag for a date", "c0 61 61"),
    ("tag for a large integer", "c2 41 01"),
    ("tag that says CBOR", "d9 d9f7 a0"),
    ("name that is a number", "a1 01 00"),
    ("name that is bytes", "a1 41 61 00"),
    ("name that is null", "a1 f6 00"),
    ("name twice", "a2 61 61 00 61 61 00"),
    ("names not in order", "a2 61 62 00 61 61 00"),
    ("names by bytes and not by length first", "a2 62 6161 00 61 62 00"),
    ("names within not in order", "81 a2 61 62 00 61 61 00"),
    ("text that is not UTF-8", "61 ff"),
    ("text with a surrogate", "63 eda080"),
    ("text of an overlong form", "62 c080"),
    ("name that is not UTF-8", "a1 61 ff 00"),
    ("array of 2^60 items", "9b 1000000000000000"),
    ("object of 2^60 items", "bb 1000000000000000"),
    ("text of 2^60 bytes", "7b 1000000000000000"),
    ("bytes of 2^64 - 1 bytes", "5b ffffffffffffffff"),
];

/// What DRISL has, and the data model of AT Protocol has not.
const NO_FLOATS: &[(&str, &str)] = &[
    ("float", "fb 3ff8000000000000"),
    ("float with an integral value", "fb 4000000000000000"),
    ("float of 32 bits", "fa 3fc00000"),
    ("float of 16 bits", "f9 3c00"),
    ("NaN", "fb 7ff8000000000000"),
    ("infinity", "f9 7c00"),
    ("integer of 64 bits without a sign", "1b 8000000000000000"),
    ("negative integer of 65 bits", "3b 8000000000000000"),
];
