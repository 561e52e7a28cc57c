//! Events beside the reading of their bodies as any value.

use crate::events;
use arbitrary::{Result, Unstructured};
use atproto_lexicon::data::{Cid, Object, Value, cbor};
use atproto_repo::sync::{Action, CommitEvent, Event, EventError, Limits, RepoOp};

const TYPES: [&str; 6] = ["#commit", "#sync", "#account", "#identity", "#info", "#new"];

/// The first byte says of which type the body is; one more stands for a whole message, and one for a good body with some
/// fields changed.
pub fn check(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    let limits = Limits { frame: 4096, ops: 2, commit_blocks: 64, sync_blocks: 16 };
    let kind = usize::from(*kind) % (TYPES.len() + 2);
    match TYPES.get(kind) {
        Some(t) => check_body(t, bytes, &limits),
        None if kind == TYPES.len() => check_frame(bytes, &limits),
        // Too little data changes nothing more.
        None => drop(check_changed(&mut Unstructured::new(bytes), &limits)),
    }
}

fn check_body(t: &str, bytes: &[u8], limits: &Limits) {
    match Event::parse_with(t, bytes, limits) {
        Ok(event) => check_event(t, bytes, event.as_ref(), limits),
        Err(error) => check_error(bytes, &error),
    }
}

fn check_changed(input: &mut Unstructured<'_>, limits: &Limits) -> Result<()> {
    let (t, mut body) = input.choose(&events::each())?.clone();
    for _ in 0..input.int_in_range(1..=3)? {
        let names: Vec<String> = body.keys().map(str::to_owned).collect();
        let name =
            if names.is_empty() || input.ratio(1, 8)? { "ops".into() } else { input.choose(&names)?.clone() };
        body.remove(&name);
        if input.ratio(7, 8)? {
            body.insert(name, value(input)?);
        }
    }
    check_body(t, &events::encode(&body), limits);
    Ok(())
}

fn value(input: &mut Unstructured<'_>) -> Result<Value> {
    let cid = Cid::of_dag_cbor(b"");
    Ok(match input.int_in_range(0..=8)? {
        0 => Value::Null,
        1 => Value::Boolean(input.arbitrary()?),
        2 => Value::Integer(*input.choose(&[-1, 0, 1, (1 << 53) - 1, 1 << 53, i64::MAX])?),
        3 => (*input.choose(&["", "3jzfcijpj2z2a", "did:web:a", "a.example", events::TIME])?).into(),
        4 => Value::Bytes(vec![0; *input.choose(&[0, 16, 17, 64, 65])?].into()),
        5 => cid.into(),
        6 => Value::Object(Object::from([("a".into(), Value::Null)])),
        _ => {
            let action = *input.choose(&["create", "update", "delete", "move"])?;
            let (after, before): (bool, bool) = input.arbitrary()?;
            let op = events::op(action, "a/b", after.then_some(cid), before.then_some(cid));
            Value::Array(vec![op; input.int_in_range(0..=3)?])
        }
    })
}

/// A message is nothing but two values, of which the second is what its type says.
fn check_frame(frame: &[u8], limits: &Limits) {
    let event = Event::from_frame_with(frame, limits);
    let split = cbor::split_first(frame, cbor::Profile::Atproto, &Default::default());
    let Ok((header, body)) = split else { return assert!(event.is_err_and(|error| error.ends_stream())) };
    assert!(event.is_err() || cbor::validate(body).is_ok());
    // Deeper or larger than what is made a value of, or wrong in a field that is ignored.
    let Ok(Value::Object(header)) = cbor::to_value(header) else { return };
    match (header.get("op"), header.get("t")) {
        (Some(Value::Integer(1)), Some(Value::String(t))) if frame.len() <= limits.frame => {
            assert_eq!(event, Event::parse_with(t, body, limits));
        }
        (Some(Value::Integer(op)), _) if *op != 1 => {
            assert!(event.is_err() || event == Ok(None) && *op != -1)
        }
        _ => assert!(event.is_err_and(|error| error.ends_stream())),
    }
}

fn check_error(body: &[u8], error: &EventError) {
    match error {
        EventError::Cbor { error, .. } => assert_eq!(cbor::validate(body), Err(*error)),
        EventError::FrameSize { .. } => {}
        EventError::NotObject(_) if error.ends_stream() => {
            assert!(!matches!(cbor::to_value(body), Ok(Value::Object(_))));
        }
        _ => assert!(cbor::validate(body).is_ok() && !error.ends_stream()),
    }
}

fn check_event(t: &str, body: &[u8], event: Option<&Event<'_>>, limits: &Limits) {
    assert_eq!(event.is_none(), t == "#new");
    // The rules on objects do not count for fields that are ignored.
    let Ok(value) = cbor::to_value(body) else { return assert!(cbor::validate(body).is_ok()) };
    let Value::Object(fields) = value else { panic!("{event:?}") };
    let Some(event) = event else { return };
    let seq = event.seq().map(|seq| Value::Integer(seq.try_into().unwrap()));
    let did = event.did().map(|did| Value::from(did.as_str()));
    if let Some(seq) = &seq {
        assert!(matches!(seq, Value::Integer(1..=9_007_199_254_740_991)));
        assert_eq!(fields.get("seq"), Some(seq));
        assert_eq!(fields.get(if t == "#commit" { "repo" } else { "did" }), did.as_ref());
    }
    match event {
        Event::Commit(event) => check_commit(event, &fields, limits),
        Event::Sync(event) => {
            assert!(event.blocks.len() <= limits.sync_blocks);
            assert_eq!(fields.get("blocks"), Some(&Value::Bytes(event.blocks.to_vec().into())));
            assert_eq!(fields.get("rev"), Some(&event.rev.to_string().into()));
        }
        Event::Account(event) => {
            assert_eq!(fields.get("active"), Some(&Value::Boolean(event.active)));
            assert_eq!(fields.get("status"), event.status.map(|status| status.as_str().into()).as_ref());
        }
        Event::Identity(event) => {
            let handle = event.handle.as_ref().map(|handle| handle.as_str().into());
            assert_eq!(fields.get("handle"), handle.as_ref());
        }
        Event::Info(event) => {
            assert_eq!(fields.get("name"), Some(&event.name.into()));
            assert_eq!(fields.get("message"), event.message.map(Value::from).as_ref());
        }
        _ => panic!("{event:?}"),
    }
}

fn check_commit(event: &CommitEvent<'_>, fields: &Object, limits: &Limits) {
    assert!(event.blocks.len() <= limits.commit_blocks && event.ops.len() <= limits.ops);
    assert_eq!(fields.get("blocks"), Some(&Value::Bytes(event.blocks.to_vec().into())));
    assert_eq!(fields.get("commit"), Some(&event.commit.into()));
    assert_eq!(fields.get("rev"), Some(&event.rev.to_string().into()));
    let since = event.since.map_or(Value::Null, |since| since.to_string().into());
    assert_eq!(fields.get("since"), Some(&since));
    assert_eq!(fields.get("prevData"), event.prev_data.map(Value::from).as_ref());
    let Some(Value::Array(ops)) = fields.get("ops") else { panic!() };
    assert_eq!(ops.len(), event.ops.len());
    event.ops.iter().zip(ops).for_each(|(op, value)| check_op(op, value));
}

fn check_op(op: &RepoOp<'_>, value: &Value) {
    let Value::Object(fields) = value else { panic!() };
    let action = match op.action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Delete => "delete",
    };
    assert_eq!(fields.get("action"), Some(&action.into()));
    assert_eq!(fields.get("path"), Some(&op.path.into()));
    assert_eq!(fields.get("cid"), Some(&op.cid.map_or(Value::Null, Value::from)));
    assert_eq!(fields.get("prev"), op.prev.map(Value::from).as_ref());
}
