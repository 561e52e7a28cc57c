use super::cases;
use crate::testing::Hostile;

/// Records as JSON texts, which may be none of the data model.
pub fn json_records() -> Vec<Hostile<String>> {
    let of = |is_valid, all| cases(is_valid, all).map(|case: Hostile<&str>| case.map(String::from));
    let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let mut all: Vec<_> = of(true, VALID).chain(of(false, INVALID)).collect();
    all.extend(cases(true, &[("100 arrays in one another", deep(100))]));
    all.extend(cases(false, &[("10,000 arrays in one another", deep(10_000))]));
    all
}

const VALID: &[(&str, &str)] = &[
    ("link", r#"{"a":{"$link":"bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"}}"#),
    ("bytes", r#"{"a":{"$bytes":"AAEC"}}"#),
    ("bytes without padding", r#"{"a":{"$bytes":"AA"}}"#),
    ("bytes with padding", r#"{"a":{"$bytes":"AA=="}}"#),
    ("unknown field with a dollar", r#"{"$a":{"$b":1}}"#),
    ("number with an integral value", r#"{"a":123.0}"#),
    ("number with an exponent", r#"{"a":1e3}"#),
    ("negative zero", r#"{"a":-0}"#),
    ("greatest integer", r#"{"a":9223372036854775807}"#),
    ("least integer", r#"{"a":-9223372036854775808}"#),
    ("pair of surrogates", r#"{"a":"\ud83e\udd8b"}"#),
    ("white space", " {\t\"a\" : [ ] }\r\n"),
    (
        "blob",
        r#"{"a":{"$type":"blob","ref":{"$link":"bafkreicomoqeqtj4vknopqugd6kp4p5wbjfbzplpnsevbifzm3ojaqzjm4"},"mimeType":"a/b","size":1}}"#,
    ),
];

const INVALID: &[(&str, &str)] = &[
    ("nothing", ""),
    ("array", "[]"),
    ("text", "\"a\""),
    ("value after the value", "{}{}"),
    ("cut off", "{\"a\":"),
    ("comma at the end", "{\"a\":1,}"),
    ("comment", "{}//"),
    ("no quotes", "{a:1}"),
    ("name twice", r#"{"a":1,"a":1}"#),
    ("name twice, once escaped", r#"{"a":1,"\u0061":1}"#),
    ("fraction", r#"{"a":1.5}"#),
    ("very small number", r#"{"a":1e-1}"#),
    ("very large number", r#"{"a":1e400}"#),
    ("integer above 64 bits", r#"{"a":9223372036854775808}"#),
    ("integer below 64 bits", r#"{"a":-9223372036854775809}"#),
    ("NaN", r#"{"a":NaN}"#),
    ("zero before the number", r#"{"a":01}"#),
    ("plus before the number", r#"{"a":+1}"#),
    ("surrogate alone", r#"{"a":"\ud83e"}"#),
    ("second surrogate first", r#"{"a":"\udd8b\ud83e"}"#),
    ("control character", "{\"a\":\"\n\"}"),
    ("unknown escape", r#"{"a":"\x"}"#),
    ("link that is none", r#"{"a":{"$link":"bafy"}}"#),
    ("link that is a number", r#"{"a":{"$link":1}}"#),
    (
        "link with another field",
        r#"{"a":{"$link":"bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a","b":1}}"#,
    ),
    ("bytes of another alphabet", r#"{"a":{"$bytes":"-_-_"}}"#),
    ("bytes with spare bits", r#"{"a":{"$bytes":"AB"}}"#),
    ("bytes of one character", r#"{"a":{"$bytes":"A"}}"#),
    ("bytes that are a list", r#"{"a":{"$bytes":[0]}}"#),
    ("bytes with another field", r#"{"a":{"$bytes":"AA","b":1}}"#),
    ("type that is a number", r#"{"$type":1}"#),
    ("type that is null", r#"{"$type":null}"#),
    ("empty type", r#"{"$type":""}"#),
    (
        "blob without a size",
        r#"{"a":{"$type":"blob","ref":{"$link":"bafkreicomoqeqtj4vknopqugd6kp4p5wbjfbzplpnsevbifzm3ojaqzjm4"},"mimeType":"a/b"}}"#,
    ),
    (
        "blob of a negative size",
        r#"{"a":{"$type":"blob","ref":{"$link":"bafkreicomoqeqtj4vknopqugd6kp4p5wbjfbzplpnsevbifzm3ojaqzjm4"},"mimeType":"a/b","size":-1}}"#,
    ),
    (
        "blob without a media type",
        r#"{"a":{"$type":"blob","ref":{"$link":"bafkreicomoqeqtj4vknopqugd6kp4p5wbjfbzplpnsevbifzm3ojaqzjm4"},"mimeType":"","size":1}}"#,
    ),
    (
        "blob whose link is text",
        r#"{"a":{"$type":"blob","ref":"bafkreicomoqeqtj4vknopqugd6kp4p5wbjfbzplpnsevbifzm3ojaqzjm4","mimeType":"a/b","size":1}}"#,
    ),
];
