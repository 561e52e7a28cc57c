//! Subscriptions: what they give, when they connect again, and what they keep.

use super::net::{Act, Answer, Net, binary, secs};
use atproto_lexicon::data::cbor;
use atproto_lexicon::data::frame::{FrameError, MAX_SEQ, to_error_frame, to_frame};
use atproto_lexicon::data::{Object, Value};
use atproto_xrpc::api::com::atproto::label::subscribe_labels::{
    Labels, SubscribeLabels, SubscribeLabelsMessage,
};
use atproto_xrpc::stream::frame::to_message;
use atproto_xrpc::stream::{
    Config, CursorError, CursorStore, FileCursor, Lexicon, Lost, MemoryCursor, Message, NoCursor, SeqError,
    SocketError, StreamError, StreamEvent, Subscription,
};
use futures_util::StreamExt;
use std::pin::pin;
use std::time::Duration;

type Labelled<S = NoCursor> = Subscription<Lexicon<SubscribeLabels>, Net, Net, S>;

fn protocol() -> Lexicon<SubscribeLabels> {
    Lexicon::new("https://labels.example.com", &SubscribeLabels::default()).unwrap()
}

fn subscribe(net: &Net) -> Labelled {
    Subscription::new(protocol(), net.clone(), net.clone(), 7)
}

fn subscribe_with<S: CursorStore>(net: &Net, store: S) -> Labelled<S> {
    Subscription::with_store(protocol(), net.clone(), net.clone(), store, 7)
}

/// An event, as bytes.
fn bytes(seq: u64) -> Vec<u8> {
    let message = SubscribeLabelsMessage::from(Labels::new(seq as i64, Vec::new()));
    to_message::<SubscribeLabels>(&message).unwrap()
}

fn event(seq: u64) -> Act {
    binary(bytes(seq))
}

fn events(seqs: impl IntoIterator<Item = u64>) -> Vec<Act> {
    seqs.into_iter().map(event).collect()
}

fn body(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Vec<u8> {
    let object: Object = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    cbor::to_vec(&object).unwrap()
}

/// What comes next, in short.
fn next<S: CursorStore>(net: &Net, stream: &mut Labelled<S>) -> String {
    net.run(async { show(stream.next().await) })
}

fn show<F>(event: Result<StreamEvent<SubscribeLabelsMessage, F>, StreamError>) -> String {
    match event {
        Ok(StreamEvent::Message { seq: Some(seq), .. }) => seq.to_string(),
        Ok(StreamEvent::Message { seq: None, .. }) => "message".into(),
        Ok(StreamEvent::Invalid { seq, .. }) => format!("invalid {seq:?}"),
        Ok(StreamEvent::OutdatedCursor { message }) => format!("outdated {}", message.unwrap_or_default()),
        Ok(StreamEvent::Lost { reason, .. }) => format!("lost: {reason}"),
        Ok(StreamEvent::NotSaved(error)) => format!("not saved: {error}"),
        Ok(_) => "?".into(),
        Err(error) => format!("end: {error}"),
    }
}

/// The reason of a connection that was lost, and how long until the next.
fn lost<S: CursorStore>(net: &Net, stream: &mut Labelled<S>) -> (Lost, Duration) {
    match net.run(stream.next()) {
        Ok(StreamEvent::Lost { reason, retry_in }) => (reason, retry_in),
        other => panic!("{other:?}"),
    }
}

fn refused() -> SocketError {
    SocketError::Status { status: 503, retry_after: None }
}

#[test]
fn futures_and_streams_go_to_other_threads() {
    fn check<T: Send>(task: T) -> T {
        task
    }
    let net = Net::default();
    let mut stream = subscribe_with(&net, FileCursor::new("x"));
    drop(check(stream.next()));
    drop(check(stream.close()));
    drop(check(subscribe(&net).into_stream()));
}

#[test]
fn events_come_in_order() {
    let net = Net::open([[events([1, 2, 9, MAX_SEQ]), vec![Act::Close]].concat()]);
    let mut stream = subscribe(&net);
    let found: Vec<_> = (0..5).map(|_| next(&net, &mut stream)).collect();
    assert_eq!(found, ["1", "2", "9", &MAX_SEQ.to_string(), "lost: closed by the server"]);
    let url = "wss://labels.example.com/xrpc/com.atproto.label.subscribeLabels";
    assert_eq!(net.attempts(), [(secs(0), url.to_owned())]);

    // As a stream, too, up to its end.
    let script = [events([1, 2]), vec![binary(to_error_frame("FutureCursor", None)), event(3)]].concat();
    let net = Net::open([script]);
    let all: Vec<_> = net.run(subscribe(&net).into_stream().map(show).collect());
    assert_eq!(all, ["1", "2", "end: the cursor is from the future"]);
}

#[test]
fn waits_double_up_to_a_minute_and_begin_anew_with_what_is_new() {
    let refusals = (0..9).map(|_| Answer::Refuse(refused()));
    let net = Net::new(refusals.chain([
        Answer::Open([events([5]), vec![Act::Close]].concat()),
        // Nothing new.
        Answer::Open([events([5]), vec![Act::Close]].concat()),
        Answer::Open([events([5, 6]), vec![Act::Close]].concat()),
    ]));
    let mut stream = subscribe(&net);
    let mut waits = Vec::new();
    while waits.len() < 12 {
        if let Ok(StreamEvent::Lost { retry_in, .. }) = net.run(stream.next()) {
            waits.push(retry_in);
        }
    }
    let longest = [1, 2, 4, 8, 16, 32, 60, 60, 60, 1, 2, 1];
    for (wait, longest) in waits.iter().zip(longest) {
        assert!((secs(longest) / 2..=secs(longest)).contains(wait), "{wait:?} of {longest}");
    }
    // Connected is when that was said; jitter is another each time, and the same for the same seed.
    let mut at = secs(0);
    for (attempt, wait) in net.attempts().iter().zip(&waits) {
        assert_eq!(attempt.0, at);
        at += *wait;
    }
    assert_ne!(waits[6], waits[7]);
    assert_ne!(waits[7], waits[8]);
    assert_eq!(net.cursors()[9..12], [None, Some(5), Some(5)]);
}

#[test]
fn a_server_says_when_to_come_again_or_never() {
    let busy = |seconds| SocketError::Status { status: 429, retry_after: Some(secs(seconds)) };
    let net = Net::new([busy(30), busy(1_000_000), busy(0)].map(Answer::Refuse));
    let mut stream = subscribe(&net);
    assert_eq!(lost(&net, &mut stream).1, secs(30));
    assert_eq!(lost(&net, &mut stream).1, secs(3600));
    assert!(lost(&net, &mut stream).1 >= secs(2));
    for (status, is_final) in [
        (301, true),
        (400, true),
        (401, true),
        (404, true),
        (405, true),
        (408, false),
        (425, false),
        (426, true),
        (429, false),
        (500, false),
        (501, true),
        (502, false),
        (503, false),
        (504, false),
    ] {
        let net = Net::new([Answer::Refuse(SocketError::Status { status, retry_after: None })]);
        let mut stream = subscribe(&net);
        for _ in 0..2 {
            let said = next(&net, &mut stream);
            assert_eq!(said == format!("end: refused: status {status}"), is_final, "{said}");
            if !is_final {
                break;
            }
        }
        assert_eq!(net.attempts().len(), 1);
    }
    let refused = SocketError::Refused(std::sync::Arc::new(std::io::Error::other("no")));
    let net = Net::new([Answer::Refuse(refused)]);
    assert_eq!(next(&net, &mut subscribe(&net)), "end: refused: not allowed");
}

#[test]
fn an_attempt_has_half_a_minute() {
    let net = Net::new([Answer::Hang, Answer::Slow(secs(29), events([1]))]);
    let mut stream = subscribe(&net);
    let (reason, wait) = lost(&net, &mut stream);
    assert!(matches!(reason, Lost::Socket(SocketError::TimedOut)), "{reason}");
    assert_eq!(next(&net, &mut stream), "1");
    assert_eq!(net.attempts()[1].0, secs(30) + wait);
}

#[test]
fn a_silent_server_is_asked_and_then_left() {
    let script = [event(1), Act::Wait(secs(29)), event(2), Act::Wait(secs(45)), event(3)];
    let net = Net::open([script.to_vec()]);
    let mut stream = subscribe(&net);
    let found: Vec<_> = (0..4).map(|_| next(&net, &mut stream)).collect();
    assert_eq!(found, ["1", "2", "3", "lost: nothing came for too long"]);
    assert_eq!(net.pings(), [secs(29 + 30), secs(29 + 45 + 30)]);
    assert_eq!(atproto_lexicon::clock::Clock::now(&net), secs(29 + 45 + 60));

    // One that answers is not silent, and one that sends pings is not asked.
    let net = Net::open([vec![Act::Wait(secs(1000)), event(1)]]).answering_pings();
    assert_eq!(next(&net, &mut subscribe(&net)), "1");
    assert_eq!(net.pings().len(), 33);
    let ping = [Act::Wait(secs(20)), Act::Send(Message::Alive)];
    let net = Net::open([[vec![ping.to_vec(); 20].concat(), vec![event(1)]].concat()]);
    assert_eq!(next(&net, &mut subscribe(&net)), "1");
    assert!(net.pings().is_empty());

    // The consumer's own time is not the server's.
    let net = Net::open([vec![event(1), Act::Wait(secs(20)), event(2)]]);
    let mut stream = subscribe(&net);
    assert_eq!(next(&net, &mut stream), "1");
    net.skip(secs(500));
    assert_eq!(next(&net, &mut stream), "2");
    // Also where it had begun to wait: there is time for an answer.
    let net = Net::open([vec![event(1), Act::Wait(secs(505)), event(2)]]);
    let mut stream = subscribe(&net);
    assert_eq!(next(&net, &mut stream), "1");
    assert!(net.poll(pin!(stream.next())).is_none());
    net.skip(secs(500));
    assert_eq!(next(&net, &mut stream), "2");

    // For ever, where that is asked for.
    let net = Net::open([vec![Act::Wait(secs(1_000_000)), event(1)]]);
    let mut config = Config::default();
    config.times.idle = None;
    assert_eq!(next(&net, &mut subscribe(&net).with_config(config)), "1");
}

#[test]
fn what_is_no_frame_ends_the_connection() {
    type Case = (Message, fn(&Lost) -> bool);
    let whole = bytes(2);
    let mut out_of_order = b"\xa2\x62op\x01\x61t\x67#labels".to_vec();
    out_of_order.extend(body([("seq", Value::Integer(2)), ("labels", Value::Array(vec![]))]));
    let cases: Vec<Case> = vec![
        (Message::Text("{}".into()), |lost| matches!(lost, Lost::Kind)),
        (Message::Binary(whole[..whole.len() - 3].to_vec().into()), |lost| {
            matches!(lost, Lost::Frame(FrameError::Cbor { .. }))
        }),
        (Message::Binary([&whole[..], b"\xa0"].concat().into()), |lost| {
            matches!(lost, Lost::Frame(FrameError::Cbor { .. }))
        }),
        (Message::Binary(out_of_order.into()), |lost| matches!(lost, Lost::Frame(FrameError::Cbor { .. }))),
        (Message::Binary(to_frame("#labels", b"\x80").into()), |lost| {
            matches!(lost, Lost::Frame(FrameError::NotObject(_)))
        }),
        // Also of a type that is not known.
        (Message::Binary(to_frame("#other", b"\x80").into()), |lost| {
            matches!(lost, Lost::Frame(FrameError::NotObject(_)))
        }),
        (Message::Binary(to_frame("#labels", &body([("seq", Value::Integer(0))])).into()), |lost| {
            matches!(lost, Lost::Frame(FrameError::Type { .. }))
        }),
        (Message::Binary(vec![0; 6_000_000].into()), |lost| {
            matches!(lost, Lost::TooLarge { length: 6_000_000, limit: 5_000_000 })
        }),
        (Message::Text("x".repeat(6_000_000)), |lost| matches!(lost, Lost::TooLarge { .. })),
        (Message::Binary(bytes(1).into()), |lost| matches!(lost, Lost::Seq(SeqError { last: 1, seq: 1 }))),
    ];
    for (bad, is_expected) in cases {
        let first = vec![event(1), Act::Send(bad), event(9)];
        let net = Net::open([first, events([1, 2])]);
        let mut stream = subscribe(&net);
        assert_eq!(next(&net, &mut stream), "1");
        let (reason, _) = lost(&net, &mut stream);
        assert!(is_expected(&reason), "{reason:?}");
        // Nothing of the old connection comes, and nothing twice.
        assert_eq!(next(&net, &mut stream), "2");
        assert_eq!(net.cursors(), [None, Some(1)]);
    }
    // A connection that breaks in the middle, or says why it closes.
    let closed = SocketError::Closed { code: 1008, reason: "ConsumerTooSlow".into() };
    let net = Net::open([vec![event(1), Act::Fail(closed)], events([2])]);
    let mut stream = subscribe(&net);
    assert_eq!(next(&net, &mut stream), "1");
    assert_eq!(next(&net, &mut stream), "lost: closed by the server: 1008 \"ConsumerTooSlow\"");
    assert_eq!(next(&net, &mut stream), "2");
}

#[test]
fn what_is_not_known_is_ignored_and_what_is_wrong_is_one_event() {
    let seq = |seq| ("seq", Value::Integer(seq));
    let net = Net::open([vec![
        binary(to_frame("#future", &body([seq(1)]))),
        binary([&b"\xa1\x62op\x05"[..], b"\xa0"].concat()),
        binary(to_frame("#labels", &body([seq(2)]))),
        binary(to_frame("#labels", &body([seq(3), ("labels", "x".into())]))),
        binary(to_frame("#info", &body([("name", "News".into())]))),
        binary(to_frame("#labels", &body([seq(4), ("labels", Value::Array(vec![])), ("new", Value::Null)]))),
    ]]);
    let mut stream = subscribe(&net);
    let found: Vec<_> = (0..4).map(|_| next(&net, &mut stream)).collect();
    assert_eq!(found, ["invalid Some(2)", "invalid Some(3)", "message", "4"]);
}

#[test]
fn errors_of_the_server_end_the_connection_or_all() {
    let error = |name: &str| binary(to_error_frame(name, Some("why")));
    let net = Net::open([
        vec![event(1), error("ConsumerTooSlow"), event(2)],
        vec![error("InternalServerError")],
        vec![error("FutureCursor")],
    ]);
    let mut stream = subscribe(&net);
    let found: Vec<_> = (0..5).map(|_| next(&net, &mut stream)).collect();
    let future = "end: the cursor is from the future";
    assert_eq!(
        found,
        ["1", "lost: server: ConsumerTooSlow", "lost: server: InternalServerError", future, future]
    );
    assert_eq!(net.attempts().len(), 3);
    let end = net.run(stream.next()).unwrap_err();
    assert!(matches!(end, StreamError::FutureCursor { message: Some(why) } if why == "why"));
}

#[test]
fn a_gap_is_told() {
    let outdated = to_frame("#info", &body([("name", "OutdatedCursor".into()), ("message", "old".into())]));
    let net = Net::open([vec![binary(outdated), event(70)]]);
    let mut stream = subscribe_with(&net, MemoryCursor::new(Some(3)));
    assert_eq!(next(&net, &mut stream), "outdated old");
    assert_eq!(next(&net, &mut stream), "70");
    assert_eq!(net.cursors(), [Some(3)]);
}

#[test]
fn a_slow_consumer_slows_the_socket() {
    let net = Net::open([events(1..=1000)]);
    let mut stream = subscribe(&net);
    for read in 1..=1000 {
        assert_eq!(next(&net, &mut stream), read.to_string());
        net.skip(secs(3));
        assert_eq!(net.read(), read);
    }
}

#[test]
fn a_future_that_is_dropped_loses_nothing() {
    let mut script = Vec::new();
    for seq in 1..=50 {
        script.extend([Act::Wait(Duration::from_millis(730)), event(seq)]);
    }
    script.push(Act::Close);
    let rest = [vec![event(50)], events([51])].concat();
    let net =
        Net::new([Answer::Refuse(refused()), Answer::Slow(secs(5), script), Answer::Slow(secs(5), rest)]);
    let store = MemoryCursor::default();
    let mut stream = subscribe_with(&net, store.clone());
    let mut found = Vec::new();
    while found.last().is_none_or(|last| last != "51") {
        // Dropped each time that it waits, and asked again later.
        let polled = net.poll(pin!(stream.next()));
        match polled {
            Some(event) => {
                if let Ok(StreamEvent::Message { seq: Some(seq), .. }) = &event {
                    stream.handled(*seq);
                }
                found.push(show(event));
            }
            None => net.skip(Duration::from_millis(100)),
        }
    }
    let mut expected = vec!["lost: status 503".to_owned()];
    expected.extend((1..=50).map(|seq: u64| seq.to_string()));
    expected.extend(["lost: closed by the server".to_owned(), "51".to_owned()]);
    assert_eq!(found, expected);
    // The attempts went on meanwhile; so did the saving.
    assert_eq!(net.attempts().len(), 3);
    assert!(store.get().is_some_and(|cursor| cursor > 40), "{store:?}");
    net.run(stream.close()).unwrap();
    assert_eq!(store.get(), Some(51));
}

#[test]
fn the_cursor_is_what_was_handled() {
    let net = Net::open([events(1..=10), events(1..=10)]);
    let store = MemoryCursor::default();
    let mut config = Config::default();
    config.save_events = 3;
    let mut stream = subscribe_with(&net, store.clone()).with_config(config.clone());
    let progress = stream.progress();
    for seq in 1..=7 {
        assert_eq!(next(&net, &mut stream), seq.to_string());
    }
    assert_eq!((store.get(), progress.cursor(), progress.unhandled()), (None, None, 7));
    // In whichever order: what comes after an event that is not handled does not count yet.
    for (handled, cursor) in [(2, None), (3, None), (5, None), (1, Some(3)), (7, Some(3)), (4, Some(5))] {
        progress.handled(handled);
        assert_eq!(progress.cursor(), cursor);
    }
    // Numbers that were not given, and those that were handled before, say nothing.
    progress.handled(99);
    progress.handled(1);
    assert_eq!((progress.cursor(), store.get()), (Some(5), None));
    assert_eq!(next(&net, &mut stream), "8");
    assert_eq!(store.get(), Some(5));
    // Two more are too few, unless their time has come.
    progress.handled(6);
    assert_eq!(next(&net, &mut stream), "9");
    assert_eq!((progress.cursor(), store.get()), (Some(7), Some(5)));
    net.skip(secs(5));
    assert_eq!(next(&net, &mut stream), "10");
    assert_eq!(store.get(), Some(7));
    // Also while nothing comes.
    progress.handled(8);
    assert!(net.poll(pin!(stream.next())).is_none());
    assert_eq!(store.get(), Some(7));
    {
        let mut next = pin!(stream.next());
        for _ in 0..3 {
            assert!(net.poll(next.as_mut()).is_none());
            net.pass();
        }
        assert!(net.poll(next.as_mut()).is_none());
    }
    assert_eq!(store.get(), Some(8));
    // A new process gets what was not handled, and what was not saved.
    drop(stream);
    let mut stream = subscribe_with(&net, store.clone()).with_config(config);
    assert_eq!(next(&net, &mut stream), "9");
    assert_eq!(net.cursors(), [None, Some(8)]);
}

#[test]
fn what_comes_again_is_given_once() {
    let net = Net::open([
        [events(1..=5), vec![Act::Close]].concat(),
        // From the cursor on, and from before it.
        [events(5..=7), vec![Act::Close]].concat(),
        [events(2..=8), vec![Act::Close]].concat(),
    ]);
    let store = MemoryCursor::default();
    let mut stream = subscribe_with(&net, store);
    let mut found = Vec::new();
    while found.len() < 8 {
        match net.run(stream.next()).unwrap() {
            StreamEvent::Message { seq, .. } => found.push(seq.unwrap()),
            StreamEvent::Lost { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(found, [1, 2, 3, 4, 5, 6, 7, 8]);
    // What was given, not what was handled, is where the connection goes on.
    assert_eq!(net.cursors(), [None, Some(5), Some(7)]);
    assert_eq!(stream.progress().cursor(), None);
}

#[test]
fn who_handles_nothing_is_given_no_more() {
    let net = Net::open([events(1..=100)]);
    let mut config = Config::default();
    config.max_unhandled = 10;
    let mut stream = subscribe_with(&net, MemoryCursor::default()).with_config(config.clone());
    for seq in 1..=10 {
        assert_eq!(next(&net, &mut stream), seq.to_string());
    }
    assert!(net.poll(pin!(stream.next())).is_none());
    assert_eq!(net.read(), 10);
    let progress = stream.progress();
    {
        // Who waits is woken.
        let mut next = pin!(stream.next());
        assert!(net.poll(next.as_mut()).is_none());
        progress.handled(1);
        assert_eq!(show(net.poll(next.as_mut()).unwrap()), "11");
    }
    // Without a store there is nothing to say.
    let net = Net::open([events(1..=100)]);
    let mut stream = subscribe(&net).with_config(config);
    for seq in 1..=100 {
        assert_eq!(next(&net, &mut stream), seq.to_string());
    }
    assert_eq!(stream.progress().unhandled(), 0);
}

/// A store that fails where it is told to.
#[derive(Default)]
struct Broken {
    loads: u32,
    saves: u32,
}

impl CursorStore for Broken {
    async fn load(&mut self) -> Result<Option<u64>, CursorError> {
        self.loads += 1;
        if self.loads > 1 { Ok(Some(4)) } else { Err(CursorError::new(std::io::Error::other("load"))) }
    }

    async fn save(&mut self, _: u64) -> Result<(), CursorError> {
        self.saves += 1;
        if self.saves > 1 { Ok(()) } else { Err(CursorError::new(std::io::Error::other("save"))) }
    }
}

#[test]
fn a_store_that_fails_is_tried_again() {
    let net = Net::open([events(5..=7)]);
    let mut stream = subscribe_with(&net, Broken::default());
    assert_eq!(next(&net, &mut stream), "end: the cursor's store failed");
    assert_eq!(net.attempts().len(), 0);
    assert_eq!(next(&net, &mut stream), "5");
    assert_eq!(net.cursors(), [Some(4)]);
    stream.handled(5);
    net.skip(secs(5));
    assert_eq!(next(&net, &mut stream), "not saved: the cursor's store failed");
    assert_eq!(next(&net, &mut stream), "6");
    net.skip(secs(5));
    assert_eq!(next(&net, &mut stream), "7");
    net.run(stream.close()).unwrap();
}

#[test]
fn a_file_keeps_a_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cursor");
    let net = Net::default();
    let mut store = FileCursor::new(&path);
    assert_eq!(net.run(store.load()).unwrap(), None);
    for cursor in [1, 123_456, MAX_SEQ, 7] {
        net.run(store.save(cursor)).unwrap();
        assert_eq!(net.run(store.load()).unwrap(), Some(cursor));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{cursor}\n"));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }
    // What was begun and not finished does no harm.
    std::fs::write(folder.path().join("cursor.new"), "12").unwrap();
    assert_eq!(net.run(store.load()).unwrap(), Some(7));
    net.run(store.save(8)).unwrap();
    assert_eq!(net.run(store.load()).unwrap(), Some(8));
    for bad in ["", "x", "-1", "1 2", "99999999999999999999999", "1\n\n"] {
        std::fs::write(&path, bad).unwrap();
        assert!(net.run(store.load()).is_err(), "{bad:?}");
    }
    let mut nowhere = FileCursor::new(folder.path().join("no/cursor"));
    assert!(net.run(nowhere.save(1)).is_err());
}

#[test]
fn the_endpoint_says_where_to_begin() {
    let net = Net::open([events([6])]);
    let endpoint = SubscribeLabels { cursor: Some(5) };
    let protocol = || Lexicon::new("ws://localhost:2583/", &endpoint).unwrap();
    let mut stream = Subscription::new(protocol(), net.clone(), net.clone(), 1);
    assert_eq!(next(&net, &mut stream), "6");
    // A store knows better.
    let net2 = Net::open([events([10])]);
    let store = MemoryCursor::new(Some(9));
    let mut stream = Subscription::with_store(protocol(), net2.clone(), net2.clone(), store, 1);
    assert_eq!(next(&net2, &mut stream), "10");
    assert_eq!((net.cursors(), net2.cursors()), (vec![Some(5)], vec![Some(9)]));
    assert!(Lexicon::new("labels.example.com", &endpoint).is_err());
}
