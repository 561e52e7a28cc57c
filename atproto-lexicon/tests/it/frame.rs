//! Frames of event streams: what was written is read, and nothing else is.

use atproto_lexicon::data::cbor::{self, CborReason};
use atproto_lexicon::data::frame::{
    Body, Frame, FrameError, MAX_SEQ, Part, check_body, to_error_frame, to_frame,
};
use atproto_lexicon::data::{Limits, Object, Value};
use proptest::prelude::*;

const LIMITS: Limits = Limits::OBJECT;

fn parse(bytes: &[u8]) -> Result<Frame<'_>, FrameError> {
    Frame::parse(bytes, &LIMITS)
}

fn body(number: i64, text: &str) -> Vec<u8> {
    let object = Object::from([("seq".into(), Value::Integer(number)), ("text".into(), text.into())]);
    cbor::to_vec(&object).unwrap()
}

fn reason(bytes: &[u8]) -> (Part, CborReason) {
    match parse(bytes) {
        Err(FrameError::Cbor { part, error }) => (part, error.reason),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(t in "#?[a-zA-Zäß]{0,300}", number: i64, text in ".{0,40}", message: Option<String>) {
        let body = body(number, &text);
        let frame = to_frame(&t, &body);
        prop_assert_eq!(parse(&frame), Ok(Frame::Message { t: &t, body: &body }));
        prop_assert_eq!(Frame::parse_header(&frame, &LIMITS), parse(&frame));
        let fields = Body::parse(&body).unwrap();
        prop_assert_eq!(fields.text("text"), Ok(Some(text.as_str())));
        let error = to_error_frame(&t, message.as_deref());
        prop_assert_eq!(parse(&error), Ok(Frame::Error { error: &t, message: message.as_deref() }));

        // Neither less nor more.
        for frame in [frame, error] {
            for end in 0..frame.len() {
                prop_assert!(parse(&frame[..end]).is_err(), "{}", end);
            }
            for more in [&b"\x00"[..], b"\xa0", b"\xff", &body] {
                let longer = [&frame, more].concat();
                prop_assert!(matches!(reason(&longer), (Part::Body | Part::ErrorBody, CborReason::Trailing)));
            }
        }
    }

    #[test]
    fn whatever_comes_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(Frame::Message { body, .. }) = parse(&bytes) {
            prop_assert!(check_body(body, &LIMITS).is_ok());
            prop_assert!(bytes.ends_with(body) && Body::parse(body).is_ok());
        }
    }

    #[test]
    fn a_byte_that_was_changed_is_another_frame(at: prop::sample::Index, by in 1..=255u8) {
        let mut bytes = to_frame("#note", &body(7, "text"));
        let (at, before) = (at.index(bytes.len()), bytes.clone());
        bytes[at] ^= by;
        prop_assert_ne!(parse(&bytes), parse(&before));
    }
}

#[test]
fn a_frame_is_two_objects_in_canonical_form() {
    let body = body(1, "x");
    assert_eq!(
        parse(b""),
        Err(FrameError::Cbor { part: Part::Header, error: cbor::validate(b"").unwrap_err() })
    );
    assert_eq!(parse(b"\x01\xa0"), Err(FrameError::NotObject(Part::Header)));
    assert_eq!(parse(&to_frame("#x", b"\x80")), Err(FrameError::NotObject(Part::Body)));
    assert_eq!(reason(&to_frame("#x", b"")), (Part::Body, CborReason::Truncated));
    let missing = |part, field| Err(FrameError::Missing { part, field });
    let wrong = |part, field| Err(FrameError::Type { part, field });
    assert_eq!(parse(b"\xa0\xa0"), missing(Part::Header, "op"));
    assert_eq!(parse(b"\xa1\x62op\x01\xa0"), missing(Part::Header, "t"));
    assert_eq!(parse(b"\xa1\x62op\x20\xa0"), missing(Part::ErrorBody, "error"));
    assert_eq!(parse(b"\xa1\x62op\x61x\xa0"), wrong(Part::Header, "op"));
    assert_eq!(parse(b"\xa2\x61t\xf6\x62op\x01\xa0"), wrong(Part::Header, "t"));
    assert_eq!(parse(b"\xa1\x62op\x20\xa1\x65error\x01"), wrong(Part::ErrorBody, "error"));
    // An operation of the future, whatever its type; but no less a frame.
    assert_eq!(parse(b"\xa1\x62op\x02\xa0"), Ok(Frame::Unknown { op: 2 }));
    assert_eq!(parse(b"\xa2\x61t\x01\x62op\x00\xa0"), Ok(Frame::Unknown { op: 0 }));
    assert_eq!(parse(b"\xa1\x62op\x02\x01"), Err(FrameError::NotObject(Part::Body)));
    assert_eq!(parse(b"\xa2\x61x\x80\x62op\x02\xa0"), Ok(Frame::Unknown { op: 2 }));
    for (bytes, expected) in [
        // Keys out of order, twice; a number not in its shortest form; a length without an end; a float.
        (&b"\xa2\x62op\x01\x61t\x61x\xa0"[..], (Part::Header, CborReason::KeyOrder)),
        (b"\xa2\x62op\x01\x62op\x01\xa0", (Part::Header, CborReason::DuplicateKey)),
        (b"\xa1\x62op\x18\x02\xa0", (Part::Header, CborReason::NotShortest)),
        (b"\xbf\x62op\x02\xff\xa0", (Part::Header, CborReason::Indefinite)),
        (b"\xa1\x62op\x02\xa1\x61x\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00", (Part::Body, CborReason::Float)),
        (b"\xa1\x62op\x02\xa1\x61x\x18\x17", (Part::Body, CborReason::NotShortest)),
    ] {
        assert_eq!(reason(bytes), expected);
    }
    let bytes = to_frame("#x", &body);
    let small = Limits { bytes: bytes.len() - 1, ..LIMITS };
    assert_eq!(
        Frame::parse(&bytes, &small),
        Err(FrameError::Size { length: bytes.len(), limit: bytes.len() - 1 })
    );
}

#[test]
fn the_number_is_exact_in_javascript() {
    let wrong = Err(FrameError::Type { part: Part::Body, field: "seq" });
    for (number, expected) in [
        (1, Ok(Some(1))),
        (i64::try_from(MAX_SEQ).unwrap(), Ok(Some(MAX_SEQ))),
        (0, wrong),
        (-1, wrong),
        (i64::try_from(MAX_SEQ).unwrap() + 1, wrong),
        (i64::MAX, wrong),
    ] {
        assert_eq!(Body::parse(&body(number, "")).unwrap().seq(), expected, "{number}");
    }
    assert_eq!(Body::parse(b"\xa0").unwrap().seq(), Ok(None));
    assert_eq!(Body::parse(b"\xa1\x63seq\x611").unwrap().seq(), wrong);
    assert!(matches!(Body::parse(b"\x80"), Err(FrameError::NotObject(Part::Body))));
}
