//! Generated code: it is Rust, and nothing in it has the name of something else. Whether it compiles a test says, which takes
//! minutes.

use std::collections::BTreeSet;
use syn::{Fields, Item};

/// The parser takes as long as all else, so that it has to do with one text in eight.
pub fn check(text: &str) {
    if !text.len().is_multiple_of(8) {
        return;
    }
    let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    check_items(&file.items);
}

/// Checks that nothing in a module has the name of something else, and no field that of another.
fn check_items(items: &[Item]) {
    let (mut types, mut values) = (BTreeSet::new(), BTreeSet::new());
    let once = |names: &mut BTreeSet<String>, name: String| assert!(names.insert(name.clone()), "{name}");
    for item in items {
        match item {
            Item::Struct(item) => {
                once(&mut types, item.ident.to_string());
                if matches!(item.fields, Fields::Unit) {
                    once(&mut values, item.ident.to_string());
                }
                let mut fields = BTreeSet::new();
                item.fields
                    .iter()
                    .flat_map(|field| &field.ident)
                    .for_each(|name| once(&mut fields, name.to_string()));
            }
            Item::Type(item) => once(&mut types, item.ident.to_string()),
            Item::Const(item) => once(&mut values, item.ident.to_string()),
            Item::Mod(item) => {
                once(&mut types, item.ident.to_string());
                item.content.iter().for_each(|(_, items)| check_items(items));
            }
            // The macros of enums.
            Item::Macro(item) => {
                let text = item.mac.tokens.to_string();
                if let Some((_, rest)) = text.split_once("pub enum ") {
                    once(&mut types, rest.split(' ').next().unwrap_or_default().into());
                }
            }
            _ => {}
        }
    }
}
