//! Frames of event streams beside their two halves as any values.

use atproto_lexicon::data::cbor::{self, Profile};
use atproto_lexicon::data::frame::{Body, Frame, MAX_SEQ, renumber, to_error_frame, to_frame};
use atproto_lexicon::data::{Limits, Object, Value};

/// A message of a WebSocket.
pub fn check(data: &[u8]) {
    let limits = Limits { bytes: 4096, ..Limits::OBJECT };
    let frame = Frame::parse(data, &limits);
    if let Some((op, header, body)) = halves(data, &limits) {
        assert!(frame.is_err() || data.len() <= limits.bytes);
        match frame {
            Ok(Frame::Message { t, body: found }) => {
                assert!(op == Some(1) && found == body && header.get("t") == Some(&t.into()));
            }
            Ok(Frame::Error { .. }) => assert_eq!(op, Some(-1)),
            Ok(Frame::Unknown { op: found }) => assert!(op == Some(found) && found.abs() != 1),
            Err(_) => {}
        }
    }
    match frame {
        Ok(Frame::Message { t, body }) => {
            assert_eq!(Frame::parse(&to_frame(t, body), &Limits::OBJECT), frame);
            check_number(body);
        }
        Ok(Frame::Error { error, message }) => {
            assert_eq!(Frame::parse(&to_error_frame(error, message), &Limits::OBJECT), frame);
        }
        _ => {}
    }
}

/// The header's `op` and fields, and what follows on it; `None` where that is larger or deeper than what is made a value of.
fn halves<'a>(data: &'a [u8], limits: &Limits) -> Option<(Option<i64>, Object, &'a [u8])> {
    let (header, body) = cbor::split_first(data, Profile::Atproto, limits).ok()?;
    let Ok(Value::Object(header)) = cbor::to_value(header) else { return None };
    let op = match header.get("op") {
        Some(Value::Integer(op)) => Some(*op),
        _ => None,
    };
    Some((op, header, body))
}

/// With another number all else of a body is as it was.
fn check_number(body: &[u8]) {
    let Ok(parsed) = Body::parse(body) else { return };
    assert!(renumber(body, 0).is_err() && renumber(body, MAX_SEQ + 1).is_err());
    for seq in [1, 23, 24, MAX_SEQ] {
        let Ok(other) = renumber(body, seq) else { return assert_eq!(parsed.seq(), Ok(None)) };
        assert_eq!(Body::parse(&other).unwrap().seq(), Ok(Some(seq)));
        if let (Ok(Value::Object(mut before)), Ok(after)) = (cbor::to_value(body), cbor::to_value(&other)) {
            before.insert("seq".into(), Value::Integer(seq.try_into().unwrap()));
            assert_eq!(Value::Object(before), after);
        }
    }
}
