use super::cases;
use crate::syntax::Format;
use crate::testing::Hostile;

/// Texts and the formats that they are, or are not, of. Beside each kind of defect stands what is almost it, and valid.
pub fn strings() -> Vec<Hostile<(Format, String)>> {
    let label = |length: usize| "a".repeat(length);
    let long = [
        (Format::Did, true, "2,048 characters", format!("did:x:{}", label(2042))),
        (Format::Did, false, "2,049 characters", format!("did:x:{}", label(2043))),
        (Format::Handle, true, "253 characters", long_name(4, 61)),
        (Format::Handle, false, "254 characters", long_name(4, 62)),
        (Format::Handle, true, "label of 63", format!("{}.com", label(63))),
        (Format::Handle, false, "label of 64", format!("{}.com", label(64))),
        (Format::Nsid, true, "317 characters", format!("{}.{}", long_name(4, 61), label(63))),
        (
            Format::Nsid,
            false,
            "318 characters, 254 of them the authority",
            format!("{}.{}", long_name(4, 62), label(63)),
        ),
        (Format::Nsid, false, "name of 64", format!("com.example.{}", label(64))),
        (Format::RecordKey, true, "512 characters", label(512)),
        (Format::RecordKey, false, "513 characters", label(513)),
        (Format::Uri, false, "8,193 characters", format!("https:{}", label(8187))),
        (
            Format::AtUri,
            false,
            "longer than its parts may be",
            format!("at://a.example/com.a.b/{}", label(513)),
        ),
    ];
    let long = long.into_iter().flat_map(|(format, is_valid, name, text)| {
        cases(is_valid, &[(name, (format, text))]).collect::<Vec<_>>()
    });
    let short = TABLE.iter().flat_map(|(format, valid, invalid)| {
        let of = |is_valid, list: &[(&'static str, &str)]| {
            let list: Vec<_> =
                list.iter().map(|(name, text)| (*name, (*format, (*text).to_owned()))).collect();
            cases(is_valid, &list).collect::<Vec<_>>()
        };
        [of(true, valid), of(false, invalid)].concat()
    });
    short
        .chain(long)
        .map(|case| Hostile { name: format!("{}: {}", case.artefact.0, case.name), ..case })
        .collect()
}

/// Labels of 63 with dots between them, the last one shorter.
fn long_name(labels: usize, last: usize) -> String {
    let mut all = vec!["a".repeat(63); labels - 1];
    all.push("a".repeat(last));
    all.join(".")
}

type Texts = &'static [(&'static str, &'static str)];

const TABLE: &[(Format, Texts, Texts)] = &[
    (
        Format::Did,
        &[
            ("colons within", "did:web:a.example%3A80:b"),
            ("any case after the method", "did:x:A_b.c-D"),
            ("empty segment", "did:x:a::b"),
        ],
        &[
            ("no method", "did::abc"),
            ("no identifier", "did:plc:"),
            ("no second colon", "did:plc"),
            ("upper-case method", "did:PLC:abc"),
            ("upper-case scheme", "DID:plc:abc"),
            ("digit in the method", "did:x5:abc"),
            ("colon at the end", "did:plc:abc:"),
            ("percent sign at the end", "did:plc:abc%"),
            ("query", "did:plc:abc?x"),
            ("fragment", "did:plc:abc#atproto"),
            ("path", "did:plc:abc/x"),
            ("space before", " did:plc:abc"),
            ("newline after", "did:plc:abc\n"),
            ("not ASCII", "did:plc:äbc"),
            ("nothing", ""),
        ],
    ),
    (
        Format::Handle,
        &[
            ("upper case", "Alice.Example.COM"),
            ("punycode", "xn--ls8h.example"),
            ("digit first", "8.example"),
            ("marker of failure", "handle.invalid"),
        ],
        &[
            ("one label", "localhost"),
            ("dot at the end", "alice.example."),
            ("dot at the beginning", ".alice.example"),
            ("two dots", "alice..example"),
            ("hyphen first", "-alice.example"),
            ("hyphen last", "alice-.example"),
            ("underscore", "a_b.example"),
            ("digit first in the top-level domain", "alice.0x"),
            ("address", "127.0.0.1"),
            ("port", "alice.example:80"),
            ("at sign", "@alice.example"),
            ("not ASCII", "älice.example"),
            ("space after", "alice.example "),
            ("NUL within", "ali\0ce.example"),
        ],
    ),
    (
        Format::AtIdentifier,
        &[("DID", "did:plc:abc"), ("handle", "alice.example")],
        &[("AT-URI", "at://alice.example"), ("name", "alice"), ("nothing", "")],
    ),
    (
        Format::Nsid,
        &[
            ("hyphen in the authority", "com.a-b.thing"),
            ("upper case everywhere", "COM.Example.fooBAR"),
            ("digit in the name", "com.example.v2"),
            ("digit first in a domain", "com.4chan.thing"),
        ],
        &[
            ("two segments", "com.example"),
            ("hyphen in the name", "com.example.foo-bar"),
            ("digit first in the name", "com.example.3d"),
            ("digit first of all", "1com.example.thing"),
            ("fragment", "com.example.thing#main"),
            ("wildcard", "com.example.*"),
            ("empty segment", "com..thing"),
            ("dot at the end", "com.example.thing."),
            ("underscore", "com.example.foo_bar"),
            ("not ASCII", "com.exämple.thing"),
        ],
    ),
    (
        Format::RecordKey,
        &[("all signs", "a.b-c_d:e~F9"), ("three dots", "..."), ("colons only", ":"), ("one hyphen", "-")],
        &[
            ("dot", "."),
            ("two dots", ".."),
            ("slash", "a/b"),
            ("hash", "a#b"),
            ("at sign", "a@b"),
            ("percent sign", "a%20b"),
            ("space", "a b"),
            ("plus", "a+b"),
            ("not ASCII", "ä"),
            ("nothing", ""),
        ],
    ),
    (
        Format::Tid,
        &[("least", "2222222222222"), ("greatest", "bzzzzzzzzzzzz")],
        &[
            ("top bit", "kzzzzzzzzzzzz"),
            ("twelve characters", "222222222222"),
            ("fourteen characters", "22222222222222"),
            ("digit 1", "2222222222221"),
            ("digit 8", "2222222222228"),
            ("upper case", "3JZFCIJPJ2Z2A"),
            ("hyphens", "3jzf-cij-pj2z-2a"),
        ],
    ),
    (
        Format::AtUri,
        &[
            ("account", "at://did:plc:abc"),
            ("collection", "at://alice.example/com.example.thing"),
            ("record", "at://alice.example/com.example.thing/a:b"),
        ],
        &[
            ("slash at the end", "at://alice.example/"),
            ("slash after the collection", "at://alice.example/com.example.thing/"),
            ("slash after the record", "at://alice.example/com.example.thing/a/"),
            ("fourth part", "at://alice.example/com.example.thing/a/b"),
            ("query", "at://alice.example/com.example.thing/a?b"),
            ("fragment", "at://alice.example/com.example.thing/a#b"),
            ("upper-case scheme", "AT://alice.example"),
            ("no authority", "at:///com.example.thing"),
            ("user", "at://u@alice.example"),
            ("collection that is no NSID", "at://alice.example/self"),
            ("record key that is none", "at://alice.example/com.example.thing/.."),
            ("one slash", "at:/alice.example"),
        ],
    ),
    (
        Format::Datetime,
        &[
            ("no fraction", "2026-01-02T03:04:05Z"),
            ("twenty digits", "2026-01-02T03:04:05.12345678901234567890Z"),
            ("leap day", "2024-02-29T00:00:00Z"),
            ("offset", "2026-01-02T03:04:05+00:00"),
            ("year 0", "0000-01-01T00:00:00Z"),
        ],
        &[
            ("no time zone", "2026-01-02T03:04:05"),
            ("no seconds", "2026-01-02T03:04Z"),
            ("no time", "2026-01-02"),
            ("lower-case t", "2026-01-02t03:04:05Z"),
            ("lower-case z", "2026-01-02T03:04:05z"),
            ("space for T", "2026-01-02 03:04:05Z"),
            ("negative zero offset", "2026-01-02T03:04:05-00:00"),
            ("offset without colon", "2026-01-02T03:04:05+0100"),
            ("offset of hours", "2026-01-02T03:04:05+01"),
            ("dot without digits", "2026-01-02T03:04:05.Z"),
            ("comma", "2026-01-02T03:04:05,1Z"),
            ("day 30 of February", "2026-02-30T00:00:00Z"),
            ("29 February of a common year", "2026-02-29T00:00:00Z"),
            ("month 13", "2026-13-01T00:00:00Z"),
            ("hour 24", "2026-01-02T24:00:00Z"),
            ("year of five digits", "12026-01-02T03:04:05Z"),
            ("sign before the year", "+2026-01-02T03:04:05Z"),
            ("space after", "2026-01-02T03:04:05Z "),
        ],
    ),
    (
        Format::Language,
        &[
            ("language", "de"),
            ("script and region", "zh-Hant-TW"),
            ("private", "x-any-thing"),
            ("grandfathered", "i-klingon"),
            ("extension", "en-u-ca-buddhist"),
        ],
        &[
            ("one letter", "d"),
            ("underscore", "en_US"),
            ("hyphen at the end", "en-"),
            ("two hyphens", "en--US"),
            ("upper case", "DE"),
            ("nine letters", "abcdefghi"),
            ("extension without a value", "en-u"),
            ("nothing", ""),
        ],
    ),
    (
        Format::Cid,
        &[("block", "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a")],
        &[
            ("version 0", "QmY7Yh4UquoXHLPFo2XbhXkhBvFoPwmQUSa92pxnxjQuPU"),
            ("seven characters", "bafyrei"),
            ("space", "bafyreidfayvfuwqa7qlnopdjiqrxzs6b moeu4rujcjtnci5beludirz2a"),
            ("nothing", ""),
        ],
    ),
    (
        Format::Uri,
        &[("no slashes", "mailto:a@b.example"), ("AT-URI", "at://alice.example")],
        &[
            ("no scheme", "//a.example"),
            ("digit first", "1a:b"),
            ("nothing after the colon", "https:"),
            ("space within", "https://a.example/ b"),
            ("newline within", "https://a.example/\nb"),
        ],
    ),
];
