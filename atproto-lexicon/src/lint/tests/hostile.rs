//! Documents that are made to cost much.

use super::*;
use crate::lint::{breaking, lint};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Generous: what takes the square of a size takes minutes.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn long_names_and_many_findings_are_left_out() {
    let mut fields = String::new();
    for number in 0..20_000 {
        write!(fields, r#""X{number}": {{"type": "unknown"}},"#).unwrap();
    }
    let long = "N".repeat(8_000);
    let object = format!(r#"{{"type": "object", "properties": {{{}}}}}"#, fields.trim_end_matches(','));
    let defs = record(&format!(r#"{{"type": "object", "properties": {{"{long}": {object}}}}}"#));
    let catalog = catalog(&defs, &[]);
    let findings = lint(&catalog);
    let size: usize = findings.iter().map(|found| found.pointer.len() + found.message.len()).sum();
    assert!(size < 5 << 20 && findings.len() > 10, "{size} {}", findings.len());
    assert_eq!(findings[0].rule, Rule::TooMany);
    let other = super::catalog(&defs.replace("unknown", "integer"), &[]);
    assert!(breaking(&catalog, &other).iter().any(|change| change.rule == ChangeRule::TooMany));
}

#[test]
fn chains_of_references_take_no_stack_and_little_time() {
    let begin = Instant::now();
    let count = 30_000;
    let mut defs = String::new();
    for number in 0..count {
        let next = (number + 1) % count;
        let to = format!(r##"{{"type": "ref", "ref": "#a{next}"}}"##);
        write!(defs, r#""a{number}": {{"type": "object", "required": ["x"], "properties": {{"x": {to}}}}},"#)
            .unwrap();
        let to = to.replace("#a", "#b");
        write!(defs, r#""b{number}": {{"type": "array", "items": {to}}},"#).unwrap();
    }
    let defs = defs + &record(r##"{"type": "ref", "ref": "#a0"}"##);
    let catalog = catalog(&defs, &[]);
    let count_of = |rule| lint(&catalog).iter().filter(|found| found.rule == rule).count();
    assert_eq!(count_of(Rule::EndlessValue), count);
    assert!(count_of(Rule::EndlessArray) < count, "there is no room for all");
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
}

#[test]
fn long_lists_take_little_time() {
    let begin = Instant::now();
    let numbers: Vec<_> = (0..100_000).map(|number| format!("\"v{number}\"")).collect();
    let list = numbers.join(",");
    let members: Vec<_> = (0..20_000).map(|number| format!("\"#v{number}\"")).collect();
    let names: Vec<_> =
        (0..20_000).map(|number| format!("\"v{number}\": {{\"type\": \"integer\"}}")).collect();
    let defs = record(&format!(
        r#"{{"type": "string", "maxLength": 9, "enum": [{list}], "knownValues": [{list}]}},
        "u": {{"type": "union", "refs": [{}]}},
        "o": {{"type": "object", "nullable": [{list}], "required": [{}], "properties": {{{}}}}}"#,
        members.join(","),
        members.join(",").replace('#', ""),
        names.join(","),
    ));
    let catalog = catalog(&defs, &[]);
    assert!(!lint(&catalog).is_empty());
    assert_eq!(breaking(&catalog, &catalog), []);
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
}
