use atproto_lexicon::syntax::{Datetime, Format, Language, SyntaxError};
use std::path::Path;
use testdata::{Case, Suites};

pub(crate) fn add(suites: &mut Suites) {
    for (file, format, valid, invalid) in [
        ("atidentifier", Format::AtIdentifier, 11, 22),
        ("aturi", Format::AtUri, 23, 72),
        ("cid", Format::Cid, 8, 10),
        ("datetime", Format::Datetime, 35, 45),
        ("did", Format::Did, 24, 18),
        ("handle", Format::Handle, 71, 48),
        ("language", Format::Language, 18, 7),
        ("nsid", Format::Nsid, 25, 27),
        ("recordkey", Format::RecordKey, 16, 11),
        ("tid", Format::Tid, 4, 9),
        ("uri", Format::Uri, 9, 12),
    ] {
        add_file(suites, &format!("{file}_syntax_valid"), valid, true, move |text| format.check(text));
        add_file(suites, &format!("{file}_syntax_invalid"), invalid, false, move |text| format.check(text));
    }
    add_file(suites, "datetime_parse_invalid", 7, false, Datetime::check);
    add_file(suites, "language_parse_invalid", 4, true, Language::check);
    add_file(suites, "language_parse_invalid", 4, false, Language::check_strict);
}

fn add_file(
    suites: &mut Suites,
    file: &str,
    at_least: usize,
    valid: bool,
    check: impl Fn(&str) -> Result<(), SyntaxError> + Copy + Send + 'static,
) {
    let path = format!("conformance/atproto-interop-tests/syntax/{file}.txt");
    let name = format!("syntax::{file}::{}", if valid { "accepts" } else { "refuses" });
    suites.add(&name, &path, at_least, |path| load(path, valid, check));
}

/// A case per line; lines are not trimmed, since white space is a case.
fn load(
    path: &Path,
    valid: bool,
    check: impl Fn(&str) -> Result<(), SyntaxError> + Copy + Send + 'static,
) -> Result<Vec<Case>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let lines = text.split('\n').enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let case = |(index, line): (usize, &str)| {
        let line = line.to_owned();
        Case::new(format!("line_{}", index + 1), move || match (check(&line), valid) {
            (Ok(()), true) | (Err(_), false) => Ok(()),
            (Ok(()), false) => Err(format!("accepted: {:.200}", line)),
            (Err(error), true) => Err(format!("{error}: {:.200}", line)),
        })
    };
    Ok(lines.map(case).collect())
}
