//! Types of fields and their constraints.

use super::ChangeRule;
use super::compare::Comparer;
use crate::schema::{ArrayType, BlobType, IntegerType, Place, Reference, StringType, Type, UnionType};
use std::collections::BTreeSet;

impl Comparer {
    pub(super) fn types(&mut self, old: &Type, new: &Type, place: &Place<'_>) {
        match (old, new) {
            (Type::Boolean(old), Type::Boolean(new)) => {
                self.optional(ChangeRule::ConstChanged, [&old.constant, &new.constant], &place.name("const"));
                self.optional(
                    ChangeRule::DefaultChanged,
                    [&old.default, &new.default],
                    &place.name("default"),
                );
            }
            (Type::Integer(old), Type::Integer(new)) => self.integers(old, new, place),
            (Type::String(old), Type::String(new)) => self.strings(old, new, place),
            (Type::Bytes(old), Type::Bytes(new)) => {
                self.lengths([old.min_length, new.min_length], [old.max_length, new.max_length], place);
            }
            (Type::Blob(old), Type::Blob(new)) => self.blobs(old, new, place),
            (Type::Array(old), Type::Array(new)) => self.arrays(old, new, place),
            (Type::Object(old), Type::Object(new)) => self.objects(old, new, place),
            (Type::Ref(old), Type::Ref(new)) => {
                if old != new {
                    let message = format_args!("{old} became {new}");
                    self.find(ChangeRule::ReferenceChanged, &place.name("ref"), message);
                }
            }
            (Type::Union(old), Type::Union(new)) => self.unions(old, new, place),
            (old, new) => self.differ(ChangeRule::TypeChanged, &old.name(), &new.name(), place),
        }
    }

    fn integers(&mut self, old: &IntegerType, new: &IntegerType, place: &Place<'_>) {
        self.optional(ChangeRule::RangeChanged, [&old.minimum, &new.minimum], &place.name("minimum"));
        self.optional(ChangeRule::RangeChanged, [&old.maximum, &new.maximum], &place.name("maximum"));
        self.enums([&old.values, &new.values], place);
        self.optional(ChangeRule::ConstChanged, [&old.constant, &new.constant], &place.name("const"));
        self.optional(ChangeRule::DefaultChanged, [&old.default, &new.default], &place.name("default"));
    }

    fn strings(&mut self, old: &StringType, new: &StringType, place: &Place<'_>) {
        let names = [old.format, new.format].map(|format| format.map(|format| format.name()));
        self.optional(ChangeRule::FormatChanged, [&names[0], &names[1]], &place.name("format"));
        self.lengths([old.min_length, new.min_length], [old.max_length, new.max_length], place);
        for (name, old, new) in [
            ("minGraphemes", old.min_graphemes, new.min_graphemes),
            ("maxGraphemes", old.max_graphemes, new.max_graphemes),
        ] {
            self.optional(ChangeRule::GraphemesChanged, [&old, &new], &place.name(name));
        }
        self.enums([&old.values, &new.values], place);
        self.optional(ChangeRule::ConstChanged, [&old.constant, &new.constant], &place.name("const"));
        self.optional(ChangeRule::DefaultChanged, [&old.default, &new.default], &place.name("default"));
        let kept: BTreeSet<_> = new.known_values.iter().flatten().collect();
        for value in old.known_values.iter().flatten().filter(|value| !kept.contains(value)) {
            let message = format_args!("{value:?} is gone");
            self.find(ChangeRule::KnownValueRemoved, &place.name("knownValues"), message);
        }
    }

    fn lengths(&mut self, min: [Option<u64>; 2], max: [Option<u64>; 2], place: &Place<'_>) {
        for (name, [old, new]) in [("minLength", min), ("maxLength", max)] {
            self.optional(ChangeRule::LengthChanged, [&old, &new], &place.name(name));
        }
    }

    /// The order of values means nothing.
    fn enums<T: Ord + std::fmt::Debug>(&mut self, [old, new]: [&Option<Vec<T>>; 2], place: &Place<'_>) {
        let [old, new] = [old, new].map(|values| values.as_ref().map(|values| values.iter().collect()));
        self.optional::<BTreeSet<&T>>(ChangeRule::EnumChanged, [&old, &new], &place.name("enum"));
    }

    fn blobs(&mut self, old: &BlobType, new: &BlobType, place: &Place<'_>) {
        let [accepted, accept] =
            [&old.accept, &new.accept].map(|accept| accept.as_ref().map(|accept| accept.iter().collect()));
        let place_of = |name| place.name(name);
        self.optional::<BTreeSet<_>>(ChangeRule::AcceptChanged, [&accepted, &accept], &place_of("accept"));
        self.optional(ChangeRule::SizeChanged, [&old.max_size, &new.max_size], &place_of("maxSize"));
    }

    fn arrays(&mut self, old: &ArrayType, new: &ArrayType, place: &Place<'_>) {
        self.lengths([old.min_length, new.min_length], [old.max_length, new.max_length], place);
        self.types(&old.items.ty, &new.items.ty, &place.name("items"));
    }

    pub(super) fn unions(&mut self, old: &UnionType, new: &UnionType, place: &Place<'_>) {
        match (old.closed, new.closed) {
            (true, false) => {
                self.find(ChangeRule::UnionOpened, place, format_args!("the union was closed"));
            }
            (false, true) => {
                self.find(ChangeRule::UnionClosed, place, format_args!("the union was open"));
            }
            _ => {}
        }
        let [had, has] = [old, new].map(|union| union.refs.iter().collect::<BTreeSet<&Reference>>());
        let (rule, refs) = match old.closed && new.closed {
            true => (ChangeRule::ClosedMembersChanged, place.name("refs")),
            false => (ChangeRule::MemberRemoved, place.name("refs")),
        };
        for gone in had.difference(&has) {
            self.find(rule, &refs, format_args!("{gone} is gone"));
        }
        if old.closed && new.closed {
            for added in has.difference(&had) {
                self.find(rule, &refs, format_args!("{added} is new"));
            }
        }
    }
}
