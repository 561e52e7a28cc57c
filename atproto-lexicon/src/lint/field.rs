//! Types of fields and their constraints.

use super::document::{Linter, Within};
use super::names::{is_media_type, repetitions};
use super::rule::Rule;
use crate::data::Value;
use crate::schema::{BlobType, IntegerType, Place, Reference, StringType, Type, UnionType};
use crate::syntax::{CidString, Datetime, Did, Format, Handle, Nsid, RecordKey, Uri};
use crate::validate;

impl<'a> Linter<'a> {
    pub(super) fn ty(&mut self, ty: &'a Type, within: Within, place: &Place<'_>) {
        match ty {
            Type::Integer(integer) => self.integer(integer, place),
            Type::String(string) => self.string(string, within, place),
            Type::Bytes(bytes) => {
                self.order(["minLength", "maxLength"], bytes.min_length, bytes.max_length, place);
                if within == Within::Record && bytes.max_length.is_none() {
                    self.find(Rule::Unbounded, place, format_args!("bytes of any length"));
                }
            }
            Type::Blob(blob) => self.blob(blob, within, place),
            Type::Array(array) => {
                self.order(["minLength", "maxLength"], array.min_length, array.max_length, place);
                self.ty(&array.items.ty, within, &place.name("items"));
            }
            Type::Object(object) => self.object(object, within, place),
            Type::Ref(to) => self.reference(to, false, &place.name("ref")),
            Type::Union(union) => self.union(union, place),
            Type::Unknown if within == Within::Record => {
                self.find(Rule::UnknownInRecord, place, format_args!("a record should say what it holds"));
            }
            Type::Boolean(_) | Type::CidLink | Type::Unknown => {}
        }
    }

    pub(super) fn union(&mut self, union: &'a UnionType, place: &Place<'_>) {
        if union.closed {
            self.find(Rule::ClosedUnion, place, format_args!("nothing can ever be added to a closed union"));
        }
        let refs = place.name("refs");
        for index in repetitions(&union.refs) {
            self.find(Rule::RepeatedMember, &refs.index(index), format_args!("the member is there already"));
        }
        for (index, to) in union.refs.iter().enumerate() {
            self.reference(to, true, &refs.index(index));
        }
    }

    fn reference(&mut self, to: &Reference, in_union: bool, place: &Place<'_>) {
        match self.catalog.get(to) {
            None => self.find(Rule::MissingReference, place, format_args!("there is no {to}")),
            Some(def) if !def.kind.can_be_referred_to(in_union) => {
                let (kind, what) = (def.kind.name(), if in_union { "a union's member" } else { "a field" });
                self.find(
                    Rule::MisplacedReference,
                    place,
                    format_args!("{to} is of the type {kind:?} and cannot be {what}"),
                );
            }
            Some(_) => {}
        }
    }

    /// Checks that a least is not above a greatest; whether it is not.
    fn order<T: Ord + std::fmt::Display>(
        &mut self,
        names: [&str; 2],
        least: Option<T>,
        greatest: Option<T>,
        place: &Place<'_>,
    ) {
        if let (Some(least), Some(greatest)) = (least, greatest)
            && least > greatest
        {
            let [min, max] = names;
            self.find(
                Rule::ContradictoryConstraints,
                place,
                format_args!("{min:?} is {least} and {max:?} is {greatest}"),
            );
        }
    }

    fn integer(&mut self, integer: &'a IntegerType, place: &Place<'_>) {
        self.order(["minimum", "maximum"], integer.minimum, integer.maximum, place);
        let ty = Type::Integer(integer.clone());
        for (name, value) in [("default", integer.default), ("const", integer.constant)] {
            self.constant(&ty, name, value.map(Value::Integer), place);
        }
        if let Some(values) = &integer.values {
            let plain = Type::Integer(IntegerType { values: None, ..integer.clone() });
            self.values(&plain, "enum", values, |value| Value::Integer(*value), place);
        }
    }

    fn string(&mut self, string: &'a StringType, within: Within, place: &Place<'_>) {
        let ty = Type::String(string.clone());
        for (name, value) in [("default", &string.default), ("const", &string.constant)] {
            self.constant(&ty, name, value.clone().map(Value::String), place);
        }
        if let Some(values) = &string.values {
            let plain = Type::String(StringType { values: None, ..string.clone() });
            self.values(&plain, "enum", values, |value| Value::String(value.clone()), place);
            if within != Within::Params {
                let message = format_args!("nothing can ever be added to it, as it can to \"knownValues\"");
                self.find(Rule::ClosedEnum, &place.name("enum"), message);
            }
        }
        if let Some(values) = &string.known_values {
            // What is not in an `enum` is told once for all, further down: each value's search would take as long as the list.
            let plain = Type::String(StringType { values: None, ..string.clone() });
            self.values(&plain, "knownValues", values, |value| Value::String(value.clone()), place);
            self.known_in_enum(string, place);
        }
        for (name, values) in [("enum", &string.values), ("knownValues", &string.known_values)] {
            for (index, value) in
                values.iter().flatten().enumerate().filter(|(_, value)| value.starts_with('#'))
            {
                let message =
                    format_args!("a token is named in full: {:?}", format!("{}{value}", self.document.id));
                self.find(Rule::LocalToken, &place.name(name).index(index), message);
            }
        }
        self.lengths(string, within, place);
        self.format(string, within, place);
    }

    fn known_in_enum(&mut self, string: &'a StringType, place: &Place<'_>) {
        let Some(values) = &string.values else { return };
        let values: std::collections::BTreeSet<_> = values.iter().collect();
        for (index, value) in string.known_values.iter().flatten().enumerate() {
            if !values.contains(value) {
                let place = place.name("knownValues");
                self.find(
                    Rule::BadValue,
                    &place.index(index),
                    format_args!("\"enum\" does not have {value:?}"),
                );
            }
        }
    }

    fn lengths(&mut self, string: &'a StringType, within: Within, place: &Place<'_>) {
        let StringType { min_length, max_length, min_graphemes, max_graphemes, .. } = *string;
        self.order(["minLength", "maxLength"], min_length, max_length, place);
        self.order(["minGraphemes", "maxGraphemes"], min_graphemes, max_graphemes, place);
        // No grapheme is shorter than a byte.
        self.order(["minGraphemes", "maxLength"], min_graphemes, max_length, place);
        match (max_graphemes, max_length) {
            (Some(graphemes), None) => {
                let message = format_args!("{graphemes} graphemes can be of any length in bytes");
                self.find(Rule::GraphemesWithoutBytes, place, message);
            }
            (Some(graphemes), Some(bytes)) if bytes < graphemes.saturating_mul(10) => {
                let message = format_args!("{bytes} bytes are few for {graphemes} graphemes");
                self.find(Rule::FewBytes, place, message);
            }
            _ => {}
        }
        let is_bound = max_length.is_some() || max_graphemes.is_some();
        let is_given = string.format.is_some() || string.values.is_some() || string.constant.is_some();
        if within == Within::Record && !is_bound && !is_given {
            self.find(Rule::Unbounded, place, format_args!("a text of any length and without format"));
        }
    }

    fn format(&mut self, string: &'a StringType, within: Within, place: &Place<'_>) {
        let Some(format) = string.format else { return };
        if within == Within::Record && matches!(format, Format::Handle | Format::AtIdentifier) {
            let message = format_args!("a handle can pass to another account, a DID cannot");
            self.find(Rule::HandleInRecord, &place.name("format"), message);
        }
        let (least, greatest) = length_range(format);
        let lengths = [
            ("minLength", string.min_length, greatest < string.min_length.unwrap_or(0)),
            ("minGraphemes", string.min_graphemes, greatest < string.min_graphemes.unwrap_or(0)),
            ("maxLength", string.max_length, least > string.max_length.unwrap_or(u64::MAX)),
            ("maxGraphemes", string.max_graphemes, least > string.max_graphemes.unwrap_or(u64::MAX)),
        ];
        let mut is_limited = false;
        for (name, length, is_impossible) in lengths {
            let Some(length) = length else { continue };
            is_limited = true;
            if is_impossible {
                let message = format_args!("no text of the format {:?} has {name:?} {length}", format.name());
                self.find(Rule::ImpossibleFormat, &place.name(name), message);
            }
        }
        if is_limited {
            let message = format_args!("the format {:?} limits the length already", format.name());
            self.find(Rule::FormatAndLength, place, message);
        }
    }

    fn blob(&mut self, blob: &'a BlobType, within: Within, place: &Place<'_>) {
        let accept = place.name("accept");
        for index in repetitions(blob.accept.iter().flatten()) {
            self.find(Rule::RepeatedValue, &accept.index(index), format_args!("it is there already"));
        }
        for (index, pattern) in blob.accept.iter().flatten().enumerate() {
            if !is_media_type(pattern) {
                let message = format_args!("{pattern:?} is neither a media type nor \"kind/*\" or \"*/*\"");
                self.find(Rule::BadMediaType, &accept.index(index), message);
            }
        }
        if within == Within::Record {
            for (name, is_absent) in [("maxSize", blob.max_size.is_none()), ("accept", blob.accept.is_none())]
            {
                if is_absent {
                    self.find(Rule::UnboundedBlob, place, format_args!("a blob without {name:?}"));
                }
            }
        }
    }

    fn constant(&mut self, ty: &Type, name: &str, value: Option<Value>, place: &Place<'_>) {
        if let Some(reason) = value.and_then(|value| validate::fault(ty, &value)) {
            self.find(Rule::BadConstant, &place.name(name), format_args!("{reason}"));
        }
    }

    /// Checks the values of a list against the rest of the type.
    fn values<T: Ord>(
        &mut self,
        rest: &Type,
        name: &str,
        values: &'a [T],
        to_value: fn(&T) -> Value,
        place: &Place<'_>,
    ) {
        let place = place.name(name);
        if values.is_empty() && name == "enum" {
            self.find(Rule::EmptyEnum, &place, format_args!("nothing is allowed"));
        }
        for index in repetitions(values) {
            self.find(Rule::RepeatedValue, &place.index(index), format_args!("the value is there already"));
        }
        for (index, value) in values.iter().enumerate() {
            if let Some(reason) = validate::fault(rest, &to_value(value)) {
                self.find(Rule::BadValue, &place.index(index), format_args!("{reason}"));
            }
        }
    }
}

/// The least and the greatest length of a format's texts in bytes; the least number of graphemes is the same.
pub(super) fn length_range(format: Format) -> (u64, u64) {
    let (least, greatest) = match format {
        Format::AtIdentifier => (3, Did::MAX_LEN),
        Format::AtUri => (8, Uri::MAX_LEN),
        Format::Cid => (CidString::MIN_LEN, CidString::MAX_LEN),
        Format::Datetime => (20, Datetime::MAX_LEN),
        Format::Did => (7, Did::MAX_LEN),
        Format::Handle => (3, Handle::MAX_LEN),
        Format::Language => (2, usize::MAX),
        Format::Nsid => (5, Nsid::MAX_LEN),
        Format::RecordKey => (1, RecordKey::MAX_LEN),
        Format::Tid => (13, 13),
        // After the colon there may be a combining mark, which is one grapheme with it.
        Format::Uri => (2, Uri::MAX_LEN),
    };
    (least as u64, greatest as u64)
}
