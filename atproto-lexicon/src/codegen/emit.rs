//! From what is generated to text, laid out as `rustfmt` does at a width of 100.

use super::docs;
use super::model::{DefaultValue, Endpoint, Field, Item, Part, Struct, StructKind, Union, Values};
use super::names::{self, Names};

/// Columns that a line of code takes at most.
const WIDTH: usize = 100;

/// Digits in groups of three, where there are more than four.
pub(super) fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    if digits.len() < 5 {
        return number.into();
    }
    let mut grouped = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len().saturating_sub(index) % 3 == 0 {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
}

/// An integer as an expression.
pub(super) fn integer(number: i64) -> String {
    grouped(&number.to_string())
}

/// A call with a closure, whose body is one expression or statements.
pub(super) fn closure(head: &str, body: &[String]) -> String {
    if let [line] = body {
        let line = line.strip_suffix(';').unwrap_or(line);
        let whole = format!("{head} {line});");
        // The indentation of where it stands.
        if !line.contains('\n') && whole.len().saturating_add(8) <= WIDTH {
            return whole;
        }
    }
    let mut text = format!("{head} {{\n");
    for line in body.iter().flat_map(|line| line.lines()) {
        text.push_str("    ");
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("});");
    text
}

/// Text in which lines are written at an indentation.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn line(&mut self, depth: usize, line: &str) {
        if !line.is_empty() {
            for _ in 0..depth {
                self.0.push_str("    ");
            }
            self.0.push_str(line);
        }
        self.0.push('\n');
    }

    fn lines<'a>(&mut self, depth: usize, lines: impl IntoIterator<Item = &'a str>) {
        lines.into_iter().for_each(|line| self.line(depth, line));
    }

    fn docs(&mut self, depth: usize, docs: &[String]) {
        for line in docs {
            let line = if line.is_empty() { "///".into() } else { format!("/// {line}") };
            self.line(depth, &line);
        }
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// The items of a module, an empty line between them.
pub(super) fn items(items: &[Item]) -> String {
    let mut text = Text::default();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.line(0, "");
        }
        match item {
            Item::Struct(item) => structure(&mut text, item),
            Item::Union(item) => union(&mut text, item),
            Item::Values(item) => values(&mut text, item),
            Item::Alias { docs, name, ty } => {
                text.docs(0, docs);
                text.line(0, &format!("pub type {name} = {ty};"));
            }
            Item::Token { docs, name, value } => {
                text.docs(0, docs);
                assignment(&mut text, &format!("pub const {name}: &str ="), &format!("{value:?};"));
            }
            Item::Constant { docs, name, ty, value } => {
                text.docs(0, docs);
                let mut lines = value.iter().map(String::as_str);
                text.line(0, &format!("pub const {name}: {ty} = {}", lines.next().unwrap_or_default()));
                let last = value.len().saturating_sub(2);
                for (index, line) in lines.enumerate() {
                    text.line(0, &if index == last { format!("{line};") } else { line.into() });
                }
            }
            Item::Request { docs, name, params, input } => {
                request(&mut text, docs, name, params.as_deref(), input.as_deref());
            }
            Item::Endpoint(item) => endpoint(&mut text, item),
        }
    }
    text.into_string()
}

fn assignment(text: &mut Text, head: &str, value: &str) {
    let whole = format!("{head} {value}");
    if whole.len() <= WIDTH {
        text.line(0, &whole);
    } else {
        text.line(0, head);
        text.line(1, value);
    }
}

fn structure(text: &mut Text, item: &Struct) {
    let has_extra = !matches!(item.kind, StructKind::Params);
    text.docs(0, &item.docs);
    let has_required = item.fields.iter().any(|field| field.required);
    text.line(
        0,
        if has_required {
            "#[derive(Clone, Debug, PartialEq)]"
        } else {
            "#[derive(Clone, Debug, Default, PartialEq)]"
        },
    );
    text.line(0, &format!("pub struct {} {{", item.name));
    for field in &item.fields {
        text.docs(1, &field.docs);
        text.line(1, &format!("pub {}: {},", field.name, field_type(field)));
    }
    if has_extra {
        text.line(1, "/// Other fields.");
        text.line(1, "pub extra: typed::Object,");
    }
    text.line(0, "}");
    text.line(0, "");
    table(text, item);
    methods(text, item, has_required, has_extra);
    if let StructKind::Record { nsid, key } = &item.kind {
        text.line(0, "");
        text.line(0, &format!("impl typed::Record for {} {{", item.name));
        text.line(1, &format!("const NSID: &'static str = {:?};", nsid.as_str()));
        text.line(1, &format!("const KEY: &'static str = {key:?};"));
        text.line(0, "}");
    }
    text.line(0, "");
    if item.checks.is_empty() {
        text.line(0, &format!("impl typed::Validate for {} {{}}", item.name));
    } else {
        text.line(0, &format!("impl typed::Validate for {} {{", item.name));
        // Compiled where it is called, and not with all other types.
        text.line(1, "#[inline]");
        text.line(1, "fn check<'a>(&'a self, c: &mut typed::Checker<'a>) {");
        text.lines(2, item.checks.iter().flat_map(|check| check.lines()));
        text.line(1, "}");
        text.line(0, "}");
    }
}

fn field_type(field: &Field) -> String {
    if field.required { field.ty.clone() } else { format!("Option<{}>", field.ty) }
}

/// The table from which reading and writing follow.
fn table(text: &mut Text, item: &Struct) {
    let (head, end) = match &item.kind {
        StructKind::Object => (format!("typed::object! {{ {} {{", item.name), "} }"),
        StructKind::Record { nsid, .. } => {
            (format!("typed::object! {{ {}: {:?} {{", item.name, nsid.as_str()), "} }")
        }
        StructKind::Params => (format!("typed::params! {{ {} {{", item.name), "} }"),
    };
    if item.fields.is_empty() {
        return text.line(0, &format!("{head}{end}"));
    }
    text.line(0, &head);
    for (index, field) in item.fields.iter().enumerate() {
        let kind = if field.required { "required" } else { "optional" };
        text.line(1, &format!("{kind} {index} {} = {:?};", field.name, field.key));
    }
    text.line(0, end);
}

/// `new`, and a method for each default.
fn methods(text: &mut Text, item: &Struct, has_required: bool, has_extra: bool) {
    /// So many arguments nobody can tell apart.
    const MAX_ARGUMENTS: usize = 7;
    let is_argument = |field: &&Field| field.required && field.constant.is_none();
    let arguments: Vec<&Field> = item.fields.iter().filter(is_argument).collect();
    let is_whole = !has_extra && item.fields.iter().all(|field| field.required);
    let has_new = has_required && !is_whole && !arguments.is_empty() && arguments.len() <= MAX_ARGUMENTS;
    let defaults: Vec<(&Field, &DefaultValue)> =
        item.fields.iter().filter_map(|field| Some((field, field.default.as_ref()?))).collect();
    if !has_new && defaults.is_empty() {
        return;
    }
    text.line(0, "");
    text.line(0, &format!("impl {} {{", item.name));
    if has_new {
        new(text, item, &arguments, has_extra);
    }
    let mut names = Names::default();
    for (index, (field, default)) in defaults.iter().enumerate() {
        if has_new || index > 0 {
            text.line(0, "");
        }
        // `foo_bar` and `foo_bar_` may both be fields.
        let name = names.give(&[names::item(&format!("{} or default", field.name.trim_start_matches("r#")))]);
        text.line(1, &format!("/// {}, or {} where it is absent.", docs::code(&field.key), default.text));
        text.line(1, "#[inline]");
        text.line(1, &format!("pub fn {name}(&self) -> {} {{", default.ty));
        text.line(2, &default.body);
        text.line(1, "}");
    }
    text.line(0, "}");
}

fn new(text: &mut Text, item: &Struct, arguments: &[&Field], has_extra: bool) {
    text.line(1, "/// With the required fields alone.");
    let typed: Vec<String> = arguments.iter().map(|field| format!("{}: {}", field.name, field.ty)).collect();
    text.line(1, "#[inline]");
    let whole = format!("pub fn new({}) -> Self {{", typed.join(", "));
    if whole.len().saturating_add(4) <= WIDTH {
        text.line(1, &whole);
    } else {
        text.line(1, "pub fn new(");
        text.lines(
            2,
            typed.iter().map(|argument| format!("{argument},")).collect::<Vec<_>>().iter().map(|s| &**s),
        );
        text.line(1, ") -> Self {");
    }
    text.line(2, "Self {");
    for field in &item.fields {
        match (&field.constant, field.required) {
            (Some(constant), true) => text.line(3, &format!("{}: {constant},", field.name)),
            (None, true) => text.line(3, &format!("{},", field.name)),
            (_, false) => text.line(3, &format!("{}: None,", field.name)),
        }
    }
    if has_extra {
        text.line(3, "extra: typed::Object::new(),");
    }
    text.line(2, "}");
    text.line(1, "}");
}

fn union(text: &mut Text, item: &Union) {
    text.line(0, "typed::union! {");
    text.docs(1, &item.docs);
    text.line(1, &format!("pub enum {} {{", item.name));
    for (index, variant) in item.variants.iter().enumerate() {
        // A definition's name may have quotes in it.
        let type_name = variant.reference.to_string();
        text.line(2, &format!("{index} {}({}) = {type_name:?},", variant.name, variant.ty));
    }
    if !item.closed {
        text.line(2, "..Unknown");
    }
    text.line(1, "}");
    text.line(0, "}");
}

fn values(text: &mut Text, item: &Values) {
    text.line(0, if item.closed { "typed::closed_values! {" } else { "typed::known_values! {" });
    text.docs(1, &item.docs);
    text.line(1, &format!("pub enum {} {{", item.name));
    for (name, value) in &item.variants {
        text.line(2, &format!("{name} = {value:?},"));
    }
    if !item.closed {
        text.line(2, "..Other");
    }
    text.line(1, "}");
    text.line(0, "}");
    text.line(0, "");
    text.line(0, &format!("impl typed::Validate for {} {{}}", item.name));
}

fn request(text: &mut Text, docs: &[String], name: &str, params: Option<&str>, input: Option<&str>) {
    text.docs(0, docs);
    if params.is_none() && input.is_none() {
        text.line(0, "#[derive(Clone, Copy, Debug, Default, PartialEq)]");
        return text.line(0, &format!("pub struct {name};"));
    }
    text.line(0, "#[derive(Clone, Debug, PartialEq)]");
    text.line(0, &format!("pub struct {name} {{"));
    for (field, docs, ty) in [("params", "Query parameters.", params), ("input", "Body.", input)] {
        if let Some(ty) = ty {
            text.line(1, &format!("/// {docs}"));
            text.line(1, &format!("pub {field}: {ty},"));
        }
    }
    text.line(0, "}");
}

fn endpoint(text: &mut Text, item: &Endpoint) {
    let encoding = |encoding: &Option<String>| match encoding {
        Some(encoding) => format!("Some({encoding:?})"),
        None => "None".into(),
    };
    let ty = |part: &Part| match part {
        Part::Whole => "Self".to_owned(),
        Part::Field { ty, .. } => ty.clone(),
        Part::Nothing(name) => format!("typed::{name}"),
    };
    let body = |part: &Part| match part {
        Part::Whole => "self".to_owned(),
        Part::Field { name, .. } => format!("&self.{name}"),
        Part::Nothing(name) => format!("&typed::{name}"),
    };
    text.line(0, &format!("impl typed::Endpoint for {} {{", item.request));
    text.line(1, &format!("const NSID: &'static str = {:?};", item.nsid.as_str()));
    text.line(1, &format!("const METHOD: typed::Method = typed::Method::{};", item.method));
    text.line(1, &format!("const INPUT: Option<&'static str> = {};", encoding(&item.input_encoding)));
    text.line(1, &format!("const OUTPUT: Option<&'static str> = {};", encoding(&item.output_encoding)));
    text.line(1, &format!("type Params = {};", ty(&item.params)));
    text.line(1, &format!("type Input = {};", ty(&item.input)));
    text.line(1, &format!("type Output = {};", item.output));
    text.line(1, &format!("type Error = {};", item.error));
    for (name, part) in [("params", &item.params), ("input", &item.input)] {
        text.line(0, "");
        text.line(1, &format!("fn {name}(&self) -> &{} {{", ty(part)));
        text.line(2, &body(part));
        text.line(1, "}");
    }
    text.line(0, "}");
    if item.is_paged {
        text.line(0, "");
        text.line(0, &format!("typed::paged!({});", item.request));
    }
}
