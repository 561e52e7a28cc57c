//! From names of Lexicon to identifiers of Rust.

use crate::schema::Reference;
use std::collections::BTreeSet;

/// Words that cannot be identifiers as they are, in any edition.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// Keywords which cannot be raw identifiers, and names that are taken in a struct of ours.
const NEVER_FIELDS: &[&str] = &["crate", "self", "super", "extra"];

/// Names that files cannot have everywhere, and those that generated code and its macros use: a module `str` would stand in front of
/// the type.
const NEVER_MODULES: &[&str] =
    &["aux", "bool", "con", "i64", "lib", "main", "mod", "nul", "prn", "str", "typed", "u8", "usize"];

/// What generated code uses by its bare name: no type of its own may have it.
const TAKEN: &[&str] = &["Box", "None", "Option", "Self", "Some", "String", "Vec"];

/// The words of a name, in lower case. A character outside of ASCII becomes its number.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous = ' ';
    let mut rest = name.chars().peekable();
    while let Some(character) = rest.next() {
        let next_is_lower = rest.peek().is_some_and(char::is_ascii_lowercase);
        let begins = character.is_ascii_uppercase()
            && (previous.is_ascii_lowercase()
                || previous.is_ascii_digit()
                || (previous.is_ascii_uppercase() && next_is_lower));
        if begins || !character.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if character.is_ascii_alphanumeric() {
            if let Some(word) = words.last_mut() {
                word.push(character.to_ascii_lowercase());
            }
        } else if !character.is_ascii() {
            words.push(format!("u{:x}", u32::from(character)));
            words.push(String::new());
        }
        previous = character;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `snake_case`; never empty, never with a digit in front, perhaps a keyword.
fn snake(name: &str) -> String {
    let joined = words(name).join("_");
    if joined.is_empty() || joined.starts_with(|first: char| first.is_ascii_digit()) {
        return format!("_{joined}");
    }
    joined
}

/// `PascalCase`; empty where nothing of the name can stand in it.
pub(super) fn pascal(name: &str) -> String {
    let capital = |word: &String| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        format!("{}{rest}", first.to_ascii_uppercase())
    };
    words(name).iter().map(capital).collect()
}

/// `PascalCase` that can be an identifier.
pub(super) fn type_name(name: &str) -> String {
    match pascal(name) {
        name if name.starts_with(|first: char| first.is_ascii_digit()) => format!("N{name}"),
        name if name.is_empty() => "Empty".into(),
        name => name,
    }
}

/// The module of a segment of an NSID, and its file's name.
pub(super) fn module(segment: &str) -> String {
    let name = snake(segment);
    if KEYWORDS.contains(&&*name) || NEVER_MODULES.contains(&&*name) { format!("{name}_") } else { name }
}

/// A name for use as an item or a method, which no keyword is.
pub(super) fn item(name: &str) -> String {
    let name = snake(name);
    if KEYWORDS.contains(&&*name) { format!("{name}_") } else { name }
}

/// The field of a property.
fn field(property: &str) -> String {
    let name = snake(property);
    if NEVER_FIELDS.contains(&&*name) || name == "_" {
        format!("{name}_")
    } else if KEYWORDS.contains(&&*name) {
        format!("r#{name}")
    } else {
        name
    }
}

/// A constant's name. It has a letter: `_` is no name, and `_1` may be a field's.
pub(super) fn constant(name: &str) -> String {
    let name = snake(name).to_ascii_uppercase();
    if name == "_" {
        "EMPTY".into()
    } else if name.contains(|letter: char| letter.is_ascii_uppercase()) {
        name
    } else {
        format!("N{name}")
    }
}

/// Names of which each is given once.
#[derive(Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// For the types of a module.
    pub(super) fn of_types() -> Self {
        Self(TAKEN.iter().map(|name| (*name).to_owned()).collect())
    }

    /// For the variants of an enum, besides one of its own. `Self` no variant can be called.
    pub(super) fn of_variants(own: &str) -> Self {
        Self(["Self", own].map(Into::into).into())
    }

    /// Keeps a name from being given.
    pub(super) fn keep(&mut self, name: &str) {
        self.0.insert(name.to_owned());
    }

    /// Gives the first of these that is not given yet, or the last with a number.
    pub(super) fn give(&mut self, wanted: &[String]) -> String {
        if let Some(free) = wanted.iter().find(|name| !self.0.contains(*name)) {
            self.0.insert(free.clone());
            return free.clone();
        }
        let base = wanted.last().map(String::as_str).unwrap_or_default();
        let numbered = (2_u32..).map(|number| format!("{base}{number}"));
        // There are more numbers than names.
        let name = numbered.into_iter().find(|name| !self.0.contains(name)).unwrap_or_default();
        self.0.insert(name.clone());
        name
    }
}

/// The fields of a struct, one for each property in order.
pub(super) fn fields<'a>(properties: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names = Names::default();
    properties.map(|property| names.give(&[field(property), format!("{}_", snake(property))])).collect()
}

/// The name of a definition's type: that of its document for `main`. Another definition may be called as its document is.
pub(super) fn definition(reference: &Reference) -> Vec<String> {
    let name = if reference.is_main() { reference.nsid.name() } else { &reference.name };
    let name = type_name(name);
    let other = format!("{name}Def");
    vec![name, other]
}

/// The name of a variant for a definition: with its document's name, unless that is the union's own or says nothing.
pub(super) fn variant(reference: &Reference, within: &Reference) -> Vec<String> {
    let document = reference.nsid.name();
    let long = type_name(&format!("{document}-{}", reference.name));
    let full = type_name(&format!("{}-{}", reference.nsid, reference.name).replace('.', "-"));
    let short = if reference.is_main() {
        type_name(document)
    } else if reference.nsid == within.nsid || document == "defs" {
        type_name(&reference.name)
    } else {
        long.clone()
    };
    vec![short, long, full]
}

/// The name of a variant for a value of an enumeration: a reference by its definition.
pub(super) fn value_variant(value: &str) -> Vec<String> {
    let full = type_name(value);
    match value.split_once('#') {
        Some((_, name)) => vec![type_name(name), full],
        None => vec![full],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        for (name, as_field, as_type) in [
            ("createdAt", "created_at", "CreatedAt"),
            ("blobURL", "blob_url", "BlobUrl"),
            ("URLOfBlob", "url_of_blob", "UrlOfBlob"),
            ("v2Name", "v2_name", "V2Name"),
            ("type", "r#type", "Type"),
            ("self", "self_", "Self"),
            ("Self", "self_", "Self"),
            ("extra", "extra_", "Extra"),
            ("4chan", "_4chan", "N4chan"),
            ("größe", "gr_uf6_udf_e", "GrUf6UdfE"),
            ("a-b.c:d", "a_b_c_d", "ABCD"),
            ("", "__", "Empty"),
            ("--", "__", "Empty"),
            ("🦀", "u1f980", "U1f980"),
            ("_x", "x", "X"),
        ] {
            assert_eq!(field(name), as_field, "{name}");
            assert_eq!(type_name(name), as_type, "{name}");
        }
        assert_eq!(
            ["fooBar", "4chan", "1", "--", ""].map(constant),
            ["FOO_BAR", "_4CHAN", "N_1", "EMPTY", "EMPTY"]
        );
        assert_eq!([module("mod"), module("my-app"), module("getURL")], ["mod_", "my_app", "get_url"]);
    }

    #[test]
    fn each_name_once() {
        let of = |properties: &[&str]| fields(properties.iter().copied());
        assert_eq!(of(&["fooBar", "foo-bar", "foo_bar"]), ["foo_bar", "foo_bar_", "foo_bar_2"]);
        assert_eq!(of(&["type", "Type", "extra"]), ["r#type", "type_", "extra_"]);
        let mut types = Names::of_types();
        assert_eq!(types.give(&["Vec".into(), "VecDef".into()]), "VecDef");
        assert_eq!(types.give(&["Vec".into(), "VecDef".into()]), "VecDef2");
    }
}
