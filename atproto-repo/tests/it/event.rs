use crate::events::{CommitBody, TIME, account, each, encode, frame, header, identity, info, op, sync};
use crate::model::did;
use atproto_lexicon::data::cbor::CborReason;
use atproto_lexicon::data::{Bytes, Cid, CidError, LimitError, Link, Object, Value};
use atproto_lexicon::syntax::{Format, Tid};
use atproto_repo::sync::{
    AccountStatus, Action, CommitOutline, Event, EventError as Error, FieldReason as Reason, Limits, Place,
};
use std::ops::Range;

fn error(t: &str, body: &[u8]) -> Error {
    Event::parse(t, body).expect_err("refused")
}

fn in_frame(frame: &[u8]) -> Error {
    Event::from_frame(frame).expect_err("refused")
}

fn field(place: Place, field: &'static str, reason: Reason) -> Error {
    Error::Field { place, field, reason }
}

/// The same with a field set or, for `None`, without it.
fn with(object: &Object, name: &str, value: Option<Value>) -> Object {
    let mut object = object.clone();
    object.remove(name);
    object.extend(value.map(|value| (name.to_owned(), value)));
    object
}

/// The one operation of a commit with a field set or left out.
fn with_in_op(name: &str, value: Option<Value>) -> Object {
    let Value::Object(first) =
        op("update", "a/b", Some(Cid::of_dag_cbor(b"a")), Some(Cid::of_dag_cbor(b"b")))
    else {
        panic!()
    };
    let ops = vec![op("delete", "a/c", None, None), Value::Object(with(&first, name, value))];
    CommitBody { ops, ..CommitBody::default() }.object()
}

#[test]
fn what_is_written_is_read() {
    let made = CommitBody::default();
    let record = Cid::of_dag_cbor(b"record");
    let ops = vec![
        op("create", "a/b", Some(record), None),
        op("update", "a/b", Some(record), Some(made.commit)),
        op("delete", "", None, Some(record)),
    ];
    let bytes = frame("#commit", &CommitBody { ops, ..made.clone() }.object());
    let event = Event::from_frame(&bytes).unwrap().unwrap();
    assert_eq!((event.seq(), event.did()), (Some(7), Some(&did())));
    let Event::Commit(commit) = event else { panic!() };
    assert_eq!((commit.commit, commit.rev, commit.since), (made.commit, made.rev, made.since));
    assert_eq!((commit.prev_data, commit.blocks, commit.time), (made.prev_data, &made.blocks[..], TIME));
    assert!(!commit.too_big && !commit.rebase);
    let ops: Vec<_> = commit.ops.iter().map(|op| (op.action, op.path, op.cid, op.prev)).collect();
    assert_eq!(ops[0], (Action::Create, "a/b", Some(record), None));
    assert_eq!(ops[1], (Action::Update, "a/b", Some(record), Some(made.commit)));
    assert_eq!(ops[2], (Action::Delete, "", None, Some(record)));
    // Nothing was copied.
    let within = |part: &[u8]| {
        let Range { start, end } = bytes.as_ptr_range();
        assert!(start <= part.as_ptr() && part.as_ptr_range().end <= end);
    };
    within(commit.blocks);
    within(commit.time.as_bytes());
    within(commit.ops[0].path.as_bytes());

    let rev = Tid::from_u64(9);
    let bytes = encode(&sync(rev, b"car".to_vec()));
    let Some(Event::Sync(event)) = Event::parse("#sync", &bytes).unwrap() else { panic!() };
    assert_eq!(
        (event.seq, event.did, event.rev, event.blocks, event.time),
        (7, did(), rev, &b"car"[..], TIME)
    );

    let bytes = encode(&identity(Some("Ada.Example.com")));
    let Some(Event::Identity(event)) = Event::parse("#identity", &bytes).unwrap() else { panic!() };
    assert_eq!((event.seq, event.did, event.time), (7, did(), TIME));
    assert_eq!(event.handle.unwrap().as_str(), "Ada.Example.com");

    let bytes = encode(&info("OutdatedCursor", Some("text")));
    let event = Event::parse("#info", &bytes).unwrap().unwrap();
    assert_eq!((event.seq(), event.did()), (None, None));
    let Event::Info(event) = event else { panic!() };
    assert_eq!((event.name, event.message), ("OutdatedCursor", Some("text")));
}

#[test]
fn a_commit_is_kept_apart_from_its_body() {
    let record = Cid::of_dag_cbor(b"record");
    let ops = vec![op("create", "a/b", Some(record), None), op("delete", "a/ü", None, Some(record))];
    let bytes = encode(&CommitBody { ops, ..CommitBody::default() }.object());
    let Some(Event::Commit(event)) = Event::parse("#commit", &bytes).unwrap() else { panic!() };
    let outline = CommitOutline::new(event.clone(), &bytes).unwrap();
    let copy = bytes.clone();
    assert_eq!(outline.clone().into_event(&copy), Some(event.clone()));
    // Of a body that it was not read from, or that cannot be the one.
    assert_eq!(CommitOutline::new(event.clone(), &copy), None);
    assert_eq!(CommitOutline::new(event, &bytes[..bytes.len() / 2]), None);
    assert_eq!(outline.clone().into_event(&copy[..copy.len() / 2]), None);
    assert_eq!(outline.into_event(&vec![0x80; copy.len()]), None);
}

#[test]
fn statuses_that_are_not_known_are_kept() {
    for (text, status) in [
        ("takendown", AccountStatus::Takendown),
        ("suspended", AccountStatus::Suspended),
        ("deleted", AccountStatus::Deleted),
        ("deactivated", AccountStatus::Deactivated),
        ("desynchronized", AccountStatus::Desynchronized),
        ("throttled", AccountStatus::Throttled),
        ("Deleted", AccountStatus::Other("Deleted")),
        ("", AccountStatus::Other("")),
    ] {
        let bytes = encode(&account(false, Some(text)));
        let Some(Event::Account(event)) = Event::parse("#account", &bytes).unwrap() else { panic!() };
        assert_eq!((event.seq, event.did, event.active, event.time), (7, did(), false, TIME));
        assert_eq!(event.status, Some(status));
        assert_eq!(status.as_str(), text);
    }
}

#[test]
fn a_field_is_missing_null_or_of_another_type() {
    let optional = ["prevData", "status", "handle", "message", "tooBig", "rebase"];
    for (t, body) in each() {
        for (name, value) in &body {
            let name: &'static str = name.to_owned().leak();
            let missing = Event::parse(t, &encode(&with(&body, name, None))).map(|event| event.is_some());
            let null =
                Event::parse(t, &encode(&with(&body, name, Some(Value::Null)))).map(|event| event.is_some());
            let wrong = Err(field(Place::Body, name, Reason::Type));
            match name {
                "blobs" => assert_eq!((missing, null), (Ok(true), Ok(true))),
                "since" => {
                    assert_eq!(missing, Err(field(Place::Body, name, Reason::Missing)));
                    assert_eq!(null, Ok(true));
                }
                _ if optional.contains(&name) => assert_eq!((missing, null), (Ok(true), wrong.clone())),
                _ => {
                    assert_eq!(missing, Err(field(Place::Body, name, Reason::Missing)));
                    assert_eq!(null, wrong);
                }
            }
            for other in [
                Value::Boolean(true),
                Value::Integer(1),
                Value::from("text"),
                Value::Bytes(Bytes(vec![1])),
                Value::from(Cid::of_dag_cbor(b"")),
                Value::Array(vec![Value::Array(vec![])]),
                Value::Object(Object::from([("a".into(), Value::Object(Object::default()))])),
            ] {
                let same = std::mem::discriminant(&other) == std::mem::discriminant(value);
                let bytes = encode(&with(&body, name, Some(other)));
                if !same && name != "blobs" {
                    assert_eq!(error(t, &bytes), field(Place::Body, name, Reason::Type), "{t}");
                }
            }
        }
    }
}

#[test]
fn operations_are_read_as_strictly() {
    let place = Place::Op(1);
    let refused = |name, value| error("#commit", &encode(&with_in_op(name, value)));
    for name in ["action", "path", "cid"] {
        assert_eq!(refused(name, None), field(place, name, Reason::Missing));
        assert_eq!(refused(name, Some(Value::Integer(1))), field(place, name, Reason::Type));
    }
    assert_eq!(refused("prev", Some(Value::Null)), field(place, "prev", Reason::Type));
    assert_eq!(refused("prev", Some("bafy".into())), field(place, "prev", Reason::Type));
    assert_eq!(refused("action", Some("move".into())), field(place, "action", Reason::Action));
    let accepted =
        |name, value| Event::parse("#commit", &encode(&with_in_op(name, value))).unwrap().is_some();
    assert!(accepted("prev", None));
    assert!(accepted("cid", Some(Value::Null)));
    assert!(accepted("future", Some(Value::Array(vec![]))));
    for other in [Value::Null, "create".into(), Value::Array(vec![])] {
        let ops = vec![op("delete", "a/c", None, None), other];
        let bytes = encode(&CommitBody { ops, ..CommitBody::default() }.object());
        assert_eq!(error("#commit", &bytes), Error::NotObject(place));
    }
}

#[test]
fn sequence_numbers_are_exact_everywhere() {
    for (t, body) in each().into_iter().filter(|(t, _)| *t != "#info") {
        let parse = |seq| {
            let bytes = encode(&with(&body, "seq", Some(Value::Integer(seq))));
            Event::parse(t, &bytes).map(|event| event.unwrap().seq())
        };
        for seq in [1, 2, (1 << 53) - 1] {
            assert_eq!(parse(seq), Ok(Some(seq.unsigned_abs())));
        }
        for seq in [0, -1, 1 << 53, i64::MAX, i64::MIN] {
            assert_eq!(parse(seq), Err(field(Place::Body, "seq", Reason::Seq(seq))));
        }
    }
}

#[test]
fn texts_and_links_have_their_format() {
    let commit = || CommitBody::default().object();
    let sync = || sync(Tid::from_u64(9), vec![]);
    for (t, body, name, bad, format) in [
        ("#commit", commit(), "repo", "did:plc:", Format::Did),
        ("#commit", commit(), "rev", "3jzfcijpj2z00", Format::Tid),
        ("#commit", commit(), "since", "", Format::Tid),
        ("#commit", commit(), "time", "2026-01-01", Format::Datetime),
        ("#sync", sync(), "did", "alice.example.com", Format::Did),
        ("#sync", sync(), "rev", "zzzzzzzzzzzzz", Format::Tid),
        ("#sync", sync(), "time", "now", Format::Datetime),
        ("#account", account(true, None), "did", "", Format::Did),
        ("#account", account(true, None), "time", "2026-02-30T00:00:00Z", Format::Datetime),
        ("#identity", identity(None), "did", "did:PLC:a", Format::Did),
        ("#identity", identity(None), "handle", "ada", Format::Handle),
        ("#identity", identity(None), "time", "", Format::Datetime),
    ] {
        let fault = format.check(bad).unwrap_err();
        let bytes = encode(&with(&body, name, Some(bad.into())));
        assert_eq!(error(t, &bytes), field(Place::Body, name, Reason::Syntax(fault)), "{t} {name}");
    }
    let marker = encode(&identity(Some("handle.invalid")));
    assert!(Event::parse("#identity", &marker).unwrap().is_some());
    let other = Link::from_bytes(&[1, 0x71, 0, 1, 7]).unwrap();
    for name in ["commit", "prevData"] {
        let bytes = encode(&with(&commit(), name, Some(other.clone().into())));
        assert_eq!(error("#commit", &bytes), field(Place::Body, name, Reason::Link(CidError::Hash)));
    }
    for name in ["cid", "prev"] {
        let bytes = encode(&with_in_op(name, Some(other.clone().into())));
        assert_eq!(error("#commit", &bytes), field(Place::Op(1), name, Reason::Link(CidError::Hash)));
    }
}

#[test]
fn what_is_not_known_is_ignored_but_checked() {
    let anything = Object::from([("$type".into(), "x".into()), ("seq".into(), Value::Null)]);
    for (t, body) in each() {
        let plain = encode(&body);
        let mut body = body;
        // Before, between and after the known ones; the last has the name of another type's field.
        for (name, value) in [
            ("".to_owned(), Value::Null),
            ("zz".to_owned(), Value::Object(anything.clone())),
            ("x".repeat(99), Value::Array(vec![Value::Object(anything.clone())])),
            (if t == "#commit" { "did" } else { "ops" }.to_owned(), Value::Integer(5)),
        ] {
            body.insert(name, value);
        }
        let bytes = encode(&body);
        assert_eq!(Event::parse(t, &bytes).unwrap(), Event::parse(t, &plain).unwrap());
        assert_eq!(Event::parse("#new", &bytes), Ok(None));
        assert_eq!(Event::parse("commit", &bytes), Ok(None));
        // The same with a float in it, which no name excuses.
        body.insert("y".into(), Value::Integer(0));
        let mut bytes = encode(&body);
        let at = bytes.windows(3).position(|part| part == b"\x61y\x00").unwrap() + 2;
        bytes.splice(at..=at, [0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
        for t in [t, "#new"] {
            let Error::Cbor { place: Place::Body, error } = error(t, &bytes) else { panic!() };
            assert_eq!((error.reason, error.offset), (CborReason::Float, at));
        }
    }
}

#[test]
fn a_body_is_one_strict_object() {
    let reason = |bytes: &[u8]| match error("#info", bytes) {
        Error::Cbor { place: Place::Body, error } => error.reason,
        other => panic!("{other}"),
    };
    assert_eq!(reason(b""), CborReason::Truncated);
    assert_eq!(reason(b"\xa1\x64name"), CborReason::Truncated);
    assert_eq!(reason(b"\xa2\x64name\x61a\x64name\x61a"), CborReason::DuplicateKey);
    assert_eq!(reason(b"\xa1\x64name\x61a\xf6"), CborReason::Trailing);
    assert_eq!(reason(b"\xb8\x01\x64name\x61a"), CborReason::NotShortest);
    assert_eq!(reason(b"\xbf\x64name\x61a\xff"), CborReason::Indefinite);
    for t in ["#commit", "#sync", "#account", "#identity", "#info", "#new"] {
        for other in [&b"\xf6"[..], b"\x80", b"\x07", b"\x64name", b"\x44name"] {
            assert_eq!(error(t, other), Error::NotObject(Place::Body));
        }
    }
}

#[test]
fn a_message_is_a_header_and_a_body() {
    let body = encode(&info("a", None));
    let message = |op, t| [encode(&header(op, t)), body.clone()].concat();
    assert!(matches!(Event::from_frame(&message(1, Some("#info"))), Ok(Some(Event::Info(_)))));
    assert_eq!(Event::from_frame(&message(1, Some("#new"))), Ok(None));
    for op in [0, 2, -2, i64::MAX] {
        assert_eq!(Event::from_frame(&message(op, Some("#info"))), Ok(None));
        assert_eq!(Event::from_frame(&message(op, None)), Ok(None));
    }
    let in_header = |name, reason| field(Place::Header, name, reason);
    assert_eq!(in_frame(&message(1, None)), in_header("t", Reason::Missing));
    let after = |header: &Object| [encode(header), body.clone()].concat();
    assert_eq!(in_frame(&after(&Object::default())), in_header("op", Reason::Missing));
    let odd = with(&header(1, None), "op", Some("1".into()));
    assert_eq!(in_frame(&after(&odd)), in_header("op", Reason::Type));
    let odd = with(&header(1, None), "t", Some(Value::Integer(1)));
    assert_eq!(in_frame(&after(&odd)), in_header("t", Reason::Type));
    let more = with(&header(1, Some("#info")), "future", Some(Value::Array(vec![])));
    assert!(Event::from_frame(&after(&more)).unwrap().is_some());
    assert_eq!(in_frame(&[&[0x01][..], &body].concat()), Error::NotObject(Place::Header));

    let cbor = |bytes: &[u8]| match in_frame(bytes) {
        Error::Cbor { place, error } => (place, error.reason),
        other => panic!("{other}"),
    };
    assert_eq!(cbor(b""), (Place::Header, CborReason::Truncated));
    assert_eq!(cbor(b"\xa2\x62op\x01\x62op\x01\xa0"), (Place::Header, CborReason::DuplicateKey));
    for (op, t) in [(1, Some("#info")), (1, Some("#new")), (2, None)] {
        assert_eq!(cbor(&encode(&header(op, t))), (Place::Body, CborReason::Truncated));
        let three = [message(op, t), body.clone()].concat();
        assert_eq!(cbor(&three), (Place::Body, CborReason::Trailing));
        assert_eq!(in_frame(&[&encode(&header(op, t))[..], b"\x80"].concat()), Error::NotObject(Place::Body));
    }
}

#[test]
fn an_error_ends_the_stream() {
    let message = |body: &Object| [encode(&header(-1, None)), encode(body)].concat();
    let body = Object::from([("error".into(), Value::from("FutureCursor"))]);
    let said = |message| Error::Stream { error: "FutureCursor".into(), message };
    assert_eq!(in_frame(&message(&body)), said(None));
    let with_text = with(&body, "message", Some("too far".into()));
    assert_eq!(in_frame(&message(&with_text)), said(Some("too far".into())));
    let place = Place::ErrorBody;
    assert_eq!(in_frame(&message(&Object::default())), field(place, "error", Reason::Missing));
    let odd = with(&body, "message", Some(Value::Null));
    assert_eq!(in_frame(&message(&odd)), field(place, "message", Reason::Type));
    for bytes in
        [message(&body), message(&Object::default()), message(&odd), b"\xa1".to_vec(), b"\x01".to_vec()]
    {
        assert!(in_frame(&bytes).ends_stream());
    }
    // One event that is wrong in a frame that is right does not.
    let bad = frame("#identity", &identity(Some("ada")));
    assert!(!in_frame(&bad).ends_stream());
    assert!(!error("#commit", &encode(&with_in_op("cid", None))).ends_stream());
}

#[test]
fn a_commit_has_200_operations() {
    let with_ops = |count| {
        let ops = vec![op("delete", "a/b", None, None); count];
        encode(&CommitBody { ops, ..CommitBody::default() }.object())
    };
    let bytes = with_ops(200);
    let Some(Event::Commit(commit)) = Event::parse("#commit", &bytes).unwrap() else { panic!() };
    assert_eq!(commit.ops.len(), 200);
    assert_eq!(error("#commit", &with_ops(201)), Error::Ops { count: 201, limit: 200 });
    assert!(!error("#commit", &with_ops(201)).ends_stream());
    let none = Limits { ops: 0, ..Limits::default() };
    assert!(Event::parse_with("#commit", &with_ops(0), &none).unwrap().is_some());
    assert_eq!(Event::parse_with("#commit", &with_ops(1), &none), Err(Error::Ops { count: 1, limit: 0 }));
    // The number is what counts, before anything of the list is looked at.
    let ops = vec![Value::Null; 100_000];
    let bytes = encode(&CommitBody { ops, ..CommitBody::default() }.object());
    assert_eq!(error("#commit", &bytes), Error::Ops { count: 100_000, limit: 200 });
    // In an event without operations such a list is nothing.
    let ops = Value::Array(vec![Value::Null; 100_000]);
    let bytes = encode(&with(&account(true, None), "ops", Some(ops)));
    assert!(Event::parse("#account", &bytes).unwrap().is_some());
}

#[test]
fn blocks_have_two_million_bytes() {
    let commit = |length| encode(&CommitBody { blocks: vec![0; length], ..CommitBody::default() }.object());
    let sync = |length| encode(&sync(Tid::from_u64(9), vec![0; length]));
    for (t, fits, over) in
        [("#commit", commit(2_000_000), commit(2_000_001)), ("#sync", sync(2_000_000), sync(2_000_001))]
    {
        assert!(Event::parse(t, &fits).unwrap().is_some());
        assert_eq!(error(t, &over), Error::Blocks { length: 2_000_001, limit: 2_000_000 });
        assert!(!error(t, &over).ends_stream());
    }
    let lexicon = Limits { sync_blocks: 10_000, ..Limits::default() };
    assert!(Event::parse_with("#sync", &sync(10_000), &lexicon).unwrap().is_some());
    let over = Error::Blocks { length: 10_001, limit: 10_000 };
    assert_eq!(Event::parse_with("#sync", &sync(10_001), &lexicon), Err(over));
    assert!(Event::parse_with("#commit", &commit(10_001), &lexicon).unwrap().is_some());
    let small = Limits { commit_blocks: 9, ..Limits::default() };
    assert!(Event::parse_with("#commit", &commit(9), &small).unwrap().is_some());
    let over = Error::Blocks { length: 10, limit: 9 };
    assert_eq!(Event::parse_with("#commit", &commit(10), &small), Err(over));
}

#[test]
fn a_message_has_five_million_bytes() {
    let frame_of = |t, length: usize| {
        let with_filling = |filling: usize| {
            let filling = Value::Bytes(Bytes(vec![0; filling]));
            frame(t, &with(&info("a", None), "filling", Some(filling)))
        };
        let around = with_filling(4_000_000).len() - 4_000_000;
        with_filling(length - around)
    };
    for t in ["#info", "#new"] {
        let frame = frame_of(t, 5_000_000);
        assert_eq!(frame.len(), 5_000_000);
        assert_eq!(Event::from_frame(&frame).unwrap().is_some(), t == "#info");
        let over = frame_of(t, 5_000_001);
        assert_eq!(in_frame(&over), Error::FrameSize { length: 5_000_001, limit: 5_000_000 });
        assert!(in_frame(&over).ends_stream());
        // More than any other limit of an object.
        let large = Limits { frame: 8_000_000, ..Limits::default() };
        assert_eq!(Event::from_frame_with(&frame_of(t, 8_000_000), &large).unwrap().is_some(), t == "#info");
    }
    let body = encode(&info("a", None));
    let limits = Limits { frame: body.len(), ..Limits::default() };
    assert!(Event::parse_with("#info", &body, &limits).unwrap().is_some());
    let limits = Limits { frame: body.len() - 1, ..limits };
    let over = Error::FrameSize { length: body.len(), limit: body.len() - 1 };
    assert_eq!(Event::parse_with("#info", &body, &limits), Err(over));
    let over = Error::Cbor {
        place: Place::Header,
        error: atproto_lexicon::data::cbor::CborError {
            reason: CborReason::Limit(LimitError::Depth),
            offset: 128,
        },
    };
    assert_eq!(in_frame(&[0x81; 1000]), over);
}
