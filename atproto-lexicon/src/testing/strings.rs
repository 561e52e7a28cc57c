//! Texts of each format, most of them short, some with parts as long as they may be.

use crate::syntax::{
    AtIdentifier, AtUri, CidString, Datetime, Did, Format, Handle, Language, Nsid, RecordKey, Tid, Uri,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::str::FromStr;

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const ALPHANUMERIC: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn parse<T: FromStr<Err: Debug>>(text: String) -> T {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error:?}"))
}

/// So many of these characters.
fn text(of: &'static [u8], length: RangeInclusive<usize>) -> impl Strategy<Value = String> {
    vec(select(of), length).prop_map(|bytes| String::from_utf8(bytes).unwrap())
}

/// A label of a host name: letters and digits at its ends, hyphens between them.
fn label(first: &'static [u8], rest: usize) -> impl Strategy<Value = String> {
    const INNER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-";
    let more = prop::option::of((text(INNER, 0..=rest), text(ALPHANUMERIC, 1..=1)));
    (text(first, 1..=1), more).prop_map(|(first, more)| match more {
        Some((inner, last)) => first + &inner + &last,
        None => first,
    })
}

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Labels of a handle: one or two and its top-level domain; each as long as it may be, now and then.
fn host() -> impl Strategy<Value = String> {
    let label_of = |first| prop_oneof![9 => label(first, 10), 1 => label(first, 61)];
    (vec(label_of(ALPHANUMERIC), 1..=2), label_of(LETTERS))
        .prop_map(|(labels, tld)| format!("{}.{tld}", labels.join(".")))
}

/// Handles, in any case, of any top-level domain.
pub fn handle() -> impl Strategy<Value = Handle> {
    host().prop_map(parse)
}

/// DIDs: of `did:plc`, of `did:web`, and of methods that nobody knows.
pub fn did() -> impl Strategy<Value = Did> {
    const ID: &[u8] = b"abcXYZ019._:%-";
    let other = (text(LOWER, 1..=9), text(ID, 0..=40), text(b"aZ9._-", 1..=1));
    prop_oneof![
        4 => text(b"abcdefghijklmnopqrstuvwxyz234567", 24..=24).prop_map(|id| format!("did:plc:{id}")),
        2 => host().prop_map(|host| format!("did:web:{}", host.to_ascii_lowercase())),
        2 => other.prop_map(|(method, id, last)| format!("did:{method}:{id}{last}")),
        1 => text(ID, 2034..=2034).prop_map(|id| format!("did:example:{id}ab")),
    ]
    .prop_map(parse)
}

/// DIDs and handles.
pub fn at_identifier() -> impl Strategy<Value = AtIdentifier> {
    prop_oneof![
        did().prop_map(|did| parse(did.as_str().into())),
        handle().prop_map(|handle| parse(handle.as_str().into()))
    ]
}

/// NSIDs of three segments and more.
pub fn nsid() -> impl Strategy<Value = Nsid> {
    let name = prop_oneof![9 => text(ALPHANUMERIC, 0..=12), 1 => text(ALPHANUMERIC, 62..=62)];
    let name = (text(LETTERS, 1..=1), name).prop_map(|(first, rest)| first + &rest);
    (label(LETTERS, 8), vec(label(ALPHANUMERIC, 12), 1..=3), name)
        .prop_map(|(tld, labels, name)| parse(format!("{tld}.{}.{name}", labels.join("."))))
}

/// Record keys: TIDs, names, and any other, up to 512 characters.
pub fn record_key() -> impl Strategy<Value = RecordKey> {
    const KEY: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:~";
    let any = prop_oneof![8 => text(KEY, 1..=24), 1 => text(KEY, 512..=512), 1 => text(b".", 3..=9)];
    prop_oneof![
        4 => tid().prop_map(|tid| tid.to_string()),
        1 => Just("self".to_owned()),
        3 => any.prop_map(|key| if key == "." || key == ".." { format!("{key}~") } else { key }),
    ]
    .prop_map(parse)
}

/// TIDs of any time and clock.
pub fn tid() -> impl Strategy<Value = Tid> {
    prop_oneof![
        any::<u64>().prop_map(|number| Tid::from_u64(number >> 1)),
        // Of this decade.
        (1_577_836_800_000_000..1_893_456_000_000_000_u64, 0..1024_u16)
            .prop_map(|(micros, clock)| Tid::from_parts(micros, clock).unwrap()),
    ]
}

/// AT-URIs of an account, a collection, a record.
pub fn at_uri() -> impl Strategy<Value = AtUri> {
    (at_identifier(), prop::option::of((nsid(), prop::option::of(record_key())))).prop_map(
        |(authority, path)| {
            let path = path.as_ref().map(|(collection, key)| (collection, key.as_ref()));
            AtUri::from_parts(&authority, path)
        },
    )
}

/// URIs of any scheme, international ones too.
pub fn uri() -> impl Strategy<Value = Uri> {
    let rest =
        vec(prop_oneof![6 => (b'!'..=b'~').prop_map(char::from), 1 => select(vec!['ä', '猫', '🦋'])], 1..40);
    let scheme = (text(LETTERS, 1..=1), text(b"abcXYZ019+.-", 0..=8)).prop_map(|(first, rest)| first + &rest);
    let scheme = prop_oneof![3 => Just("https".to_owned()), 1 => scheme];
    (scheme, rest).prop_map(|(scheme, rest)| parse(format!("{scheme}:{}", rest.iter().collect::<String>())))
}

/// Datetimes, with any number of digits after the second, and of any time zone.
pub fn datetime() -> impl Strategy<Value = Datetime> {
    let date = (0..=9999_u32, 1..=12_u32, 1..=28_u32);
    let time = (0..=23_u32, 0..=59_u32, 0..=59_u32);
    let fraction = prop_oneof![4 => text(b"0123456789", 3..=3), 1 => Just(String::new()), 1 => text(b"0123456789", 1..=20)];
    let zone = prop_oneof![
        4 => Just("Z".to_owned()),
        1 => (select(&b"+-"[..]), 0..=23_u32, 0..=59_u32)
            .prop_map(|(sign, hour, minute)| match (sign, hour, minute) {
                // It would say that the zone is not known.
                (b'-', 0, 0) => "Z".to_owned(),
                _ => format!("{}{hour:02}:{minute:02}", char::from(sign)),
            }),
    ];
    (date, time, fraction, zone).prop_map(|((year, month, day), (hour, minute, second), fraction, zone)| {
        // What is before the year 0 in some time zone is none.
        let year = if zone == "Z" { year } else { year.clamp(1, 9998) };
        let dot = if fraction.is_empty() { "" } else { "." };
        parse(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{dot}{fraction}{zone}"))
    })
}

/// Language tags: a language, often a script, a region, a variant, an extension or a private part.
pub fn language() -> impl Strategy<Value = Language> {
    let part = |of, length: RangeInclusive<usize>| prop::option::weighted(0.3, text(of, length));
    let parts = (
        text(LOWER, 2..=3),
        part(LOWER, 4..=4),
        part(LOWER, 2..=2),
        part(b"abcdef0123456789", 5..=8),
        part(b"abcdef0123456789", 2..=8),
        part(b"abcdef0123456789", 1..=8),
    );
    parts.prop_map(|(language, script, region, variant, extension, private)| {
        let mut tag = language;
        for (before, part) in [("", script), ("", region), ("", variant), ("u-", extension), ("x-", private)]
        {
            if let Some(part) = part {
                tag = format!("{tag}-{before}{part}");
            }
        }
        parse(tag)
    })
}

/// Texts of CIDs.
pub fn cid_string() -> impl Strategy<Value = CidString> {
    super::values::cid().prop_map(|cid| parse(cid.to_string()))
}

/// Texts of a format.
pub fn of(format: Format) -> BoxedStrategy<String> {
    match format {
        Format::AtIdentifier => at_identifier().prop_map(|text| text.to_string()).boxed(),
        Format::AtUri => at_uri().prop_map(|text| text.to_string()).boxed(),
        Format::Cid => cid_string().prop_map(|text| text.to_string()).boxed(),
        Format::Datetime => datetime().prop_map(|text| text.to_string()).boxed(),
        Format::Did => did().prop_map(|text| text.to_string()).boxed(),
        Format::Handle => handle().prop_map(|text| text.to_string()).boxed(),
        Format::Language => language().prop_map(|text| text.to_string()).boxed(),
        Format::Nsid => nsid().prop_map(|text| text.to_string()).boxed(),
        Format::RecordKey => record_key().prop_map(|text| text.to_string()).boxed(),
        Format::Tid => tid().prop_map(|text| text.to_string()).boxed(),
        Format::Uri => uri().prop_map(|text| text.to_string()).boxed(),
    }
}
