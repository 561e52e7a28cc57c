use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::{
    AtIdentifier, AtUri, CidString, Datetime, Did, Format, Handle, Language, Nsid, Reason, RecordKey,
    SyntaxError, Tid, TidSource,
};
use std::collections::BTreeSet;

#[test]
fn formats_have_names() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    assert!("at-url".parse::<Format>().is_err());
}

#[test]
fn errors_say_where() {
    let fault = |format: Format, text: &str| format.check(text).unwrap_err();
    assert_eq!(
        fault(Format::AtUri, "at://alice.test/com.example.note/..").to_string(),
        "not a valid at-uri: reserved value at byte 33"
    );
    assert_eq!(
        fault(Format::Handle, "alice.exa mple"),
        SyntaxError { format: Format::Handle, reason: Reason::Character, offset: 9 }
    );
    assert_eq!(fault(Format::AtIdentifier, "did:plc:").format, Format::AtIdentifier);
    assert_eq!(
        fault(Format::Did, &format!("did:plc:{}", "a".repeat(2048))).reason,
        Reason::TooLong { max: 2048 }
    );
}

#[test]
fn the_greatest_lengths() {
    assert!(Format::Did.check(&format!("did:m:{}", "a".repeat(2042))).is_ok());
    assert!(Format::Did.check(&format!("did:m:{}", "a".repeat(2043))).is_err());
    assert!(Format::RecordKey.check(&"a".repeat(512)).is_ok());
    assert!(Format::RecordKey.check(&"a".repeat(513)).is_err());
    let nsid = |last: usize| format!("{}com.{}", format!("{}.", "a".repeat(62)).repeat(4), "b".repeat(last));
    assert!(Format::Nsid.check(&nsid(61)).is_ok());
    assert!(Format::Nsid.check(&nsid(62)).is_err());
    let longest = |format: Format, max: usize, text: &dyn Fn(usize) -> String| {
        assert_eq!((text(max).len(), text(max + 1).len()), (max, max + 1));
        assert_eq!(format.check(&text(max)), Ok(()), "{format}");
        assert_eq!(format.check(&text(max + 1)).unwrap_err().reason, Reason::TooLong { max }, "{format}");
    };
    longest(Format::Handle, 253, &|length| format!("{}{}", "a.".repeat(100), "b".repeat(length - 200)));
    longest(Format::Uri, 8192, &|length| format!("x:{}", "y".repeat(length - 2)));
    longest(Format::Cid, 256, &|length| "b".repeat(length));
    longest(Format::Datetime, 64, &|length| format!("2000-01-01T00:00:00.{}Z", "0".repeat(length - 21)));
    // Only a DID makes an AT-URI long, and none so long: the limit is looked at first.
    let at_uri = |length: usize| Format::AtUri.check(&"a".repeat(length)).unwrap_err().reason;
    assert_eq!((at_uri(8192), at_uri(8193)), (Reason::Prefix, Reason::TooLong { max: 8192 }));
    let scheme = |length: usize| Format::Uri.check(&format!("{}:x", "s".repeat(length)));
    assert!(scheme(80).is_ok() && scheme(81).is_err());
    assert!(Format::Cid.check("1234567").is_err() && Format::Cid.check("12345678").is_ok());
}

#[test]
fn at_uris_have_parts() {
    let uri: AtUri = "at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/com.example.note/self".parse().unwrap();
    assert_eq!(uri.authority().as_did().unwrap().identifier(), "ewvi7nxzyoun6zhxrhs64oiz");
    assert_eq!(uri.collection().unwrap().as_str(), "com.example.note");
    assert_eq!(uri.record_key().unwrap().as_str(), "self");
    let parts = AtUri::from_parts(
        &AtIdentifier::from("alice.test".parse::<Handle>().unwrap()),
        Some((&"com.example.note".parse::<Nsid>().unwrap(), Some(&"a:b".parse::<RecordKey>().unwrap()))),
    );
    assert_eq!(parts.as_str(), "at://alice.test/com.example.note/a:b");
    assert_eq!(parts.as_str().parse(), Ok(parts));
}

#[test]
fn lenient_at_uris_keep_what_follows() {
    for (text, strict) in [
        ("at://alice.test", "at://alice.test"),
        ("at://alice.test/", "at://alice.test"),
        ("at://alice.test#frag", "at://alice.test"),
        ("at://alice.test/com.example.note/self?x=/y", "at://alice.test/com.example.note/self"),
        ("at://alice.test/com.example.note/self/more/", "at://alice.test/com.example.note/self"),
    ] {
        let (uri, rest) = AtUri::parse_lenient(text).unwrap();
        assert_eq!((uri.as_str(), [strict, rest].concat().as_str()), (strict, text));
    }
    for bad in [
        "at://",
        "at:///",
        "at://alice",
        "http://alice.test",
        "at://alice.test/notansid",
        "at://alice.test//",
    ] {
        assert!(AtUri::parse_lenient(bad).is_err(), "{bad}");
    }
}

#[test]
fn handles_and_nsids_are_normalised() {
    let handle: Handle = "Alice.EXAMPLE".parse().unwrap();
    assert_eq!(handle.to_normalized().as_str(), "alice.example");
    assert_eq!(handle.tld(), "EXAMPLE");
    for tld in ["alt", "arpa", "example", "internal", "invalid", "local", "localhost", "Onion"] {
        assert!(!format!("alice.{tld}").parse::<Handle>().unwrap().is_allowed_tld(), "{tld}");
    }
    assert!("alice.test".parse::<Handle>().unwrap().is_allowed_tld());
    assert!("HANDLE.invalid".parse::<Handle>().unwrap().is_invalid_marker());
    let nsid: Nsid = "COM.Example.getThing".parse().unwrap();
    assert_eq!(nsid.to_normalized().as_str(), "com.example.getThing");
    assert_eq!((nsid.name(), nsid.authority().as_str()), ("getThing", "example.com"));
    let language: Language = "de-CH-1901".parse().unwrap();
    assert_eq!(language.primary(), "de");
}

#[test]
fn cid_strings_convert_where_they_can() {
    let cid = Cid::of_dag_cbor(b"");
    assert_eq!(CidString::from(cid).to_cid(), Some(cid));
    let other: CidString = "zdpuAyvkgEDQm9TenwGkd5eNaosSxjgEYd8QatfPetgB1CdEZ".parse().unwrap();
    assert_eq!(other.to_cid(), None);
}

#[test]
fn datetimes_are_instants() {
    let at = |text: &str| text.parse::<Datetime>().unwrap();
    assert_eq!(at("1970-01-01T00:00:00Z").unix_seconds(), 0);
    assert_eq!(at("2024-02-29T23:59:59.5+01:00").unix_seconds(), 1_709_247_599);
    assert_eq!(at("2024-02-29T23:59:59.5+01:00").subsec_nanos(), 500_000_000);
    assert_eq!(at("2024-02-29T23:59:59-01:30").unix_seconds(), 1_709_256_599);
    assert_eq!(at("0000-01-01T00:00:00Z").unix_seconds(), -62_167_219_200);
    for bad in [
        "0000-01-01T00:00:00+00:01",
        "2023-02-29T00:00:00Z",
        "2024-01-01T23:59:60Z",
        "2024-01-01T00:00:00-00:00",
    ] {
        assert!(bad.parse::<Datetime>().is_err(), "{bad}");
    }
    // The calendar there and back, every 97th day of it.
    let mut before = String::new();
    for day in (-719_528..=2_932_896_i64).step_by(97) {
        let text = Datetime::from_unix_micros(day * 86_400_000_000).unwrap();
        assert_eq!(text.unix_seconds(), day * 86_400);
        assert!(before.as_str() < text.as_str());
        before = text.into();
    }
    assert_eq!(
        Datetime::from_unix_micros(2_932_896 * 86_400_000_000).unwrap().as_str(),
        "9999-12-31T00:00:00.000Z"
    );
    assert_eq!(Datetime::from_unix_micros(2_932_897 * 86_400_000_000), None);
    assert_eq!(Datetime::from_unix_micros(-719_529 * 86_400_000_000), None);
    let micros = 1_709_247_599_123_456;
    let made = Datetime::from_unix_micros(micros).unwrap();
    assert_eq!(made.as_str(), "2024-02-29T22:59:59.123456Z");
    assert_eq!(made.as_str().parse(), Ok(made));
}

#[test]
fn tids_sort_as_their_text() {
    assert_eq!(size_of::<Tid>(), 8);
    let tid: Tid = "3jzfcijpj2z2a".parse().unwrap();
    assert_eq!(tid.to_string(), "3jzfcijpj2z2a");
    assert_eq!(Tid::from_parts(tid.micros(), tid.clock()), Some(tid));
    assert_eq!(Tid::from_u64(tid.to_u64()), tid);
    assert_eq!((Tid::from_parts(1 << 53, 0), Tid::from_parts(0, 1024)), (None, None));
    let numbers = [0, 1, 31, 32, 1 << 10, 1 << 40, u64::MAX];
    let texts: Vec<_> = numbers.iter().map(|&number| Tid::from_u64(number).to_string()).collect();
    assert!(texts.is_sorted());
    assert_eq!((texts[0].as_str(), texts[6].as_str()), ("2222222222222", "jzzzzzzzzzzzz"));
}

#[test]
fn a_source_of_tids_only_goes_up() {
    let source = TidSource::new(7);
    let made: Vec<Tid> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let made: Vec<_> = (0..1000_u64).map(|i| source.next(1000 - i).unwrap()).collect();
                    assert!(made.is_sorted());
                    made
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), 4000);
    assert!(made.iter().all(|tid| tid.clock() == 7));
    let last = *made.iter().max().unwrap();
    assert!(TidSource::after(last, 0).next(0).unwrap() > last);
    let source = TidSource::new(0);
    assert_eq!(source.next(1 << 53), None);
    assert_eq!(source.next(5).map(Tid::micros), Some(5), "a wrong clock does no lasting harm");
}

#[test]
fn types_are_text_in_serde_and_refuse_what_they_are_not() {
    let did: Did = serde_json::from_str("\"did:web:example.com\"").unwrap();
    assert_eq!(serde_json::to_string(&did).unwrap(), "\"did:web:example.com\"");
    let error = serde_json::from_str::<Did>("\"did:web\"").unwrap_err().to_string();
    assert!(error.starts_with("not a valid did: unexpected end at byte 7"), "{error}");
}
