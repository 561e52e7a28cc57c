//! Definitions, endpoints and objects.

use super::ChangeRule;
use crate::lint::report::Report;
use crate::schema::{
    Body, Def, DefKind, EndpointType, ObjectType, Permission, PermissionSet, Place, Record, RecordKeyKind,
};
use std::collections::BTreeSet;
use std::fmt::{self, Debug};

pub(super) struct Comparer {
    pub(super) report: Report<ChangeRule>,
}

impl Comparer {
    pub(super) fn find(&mut self, rule: ChangeRule, place: &Place<'_>, message: fmt::Arguments<'_>) {
        self.report.find(rule, place, message);
    }

    /// Says so where two values differ.
    pub(super) fn differ<T: PartialEq + Debug>(
        &mut self,
        rule: ChangeRule,
        old: &T,
        new: &T,
        place: &Place<'_>,
    ) {
        if old != new {
            self.find(rule, place, format_args!("{old:?} became {new:?}"));
        }
    }

    /// The same for values that may be absent.
    pub(super) fn optional<T: PartialEq + Debug>(
        &mut self,
        rule: ChangeRule,
        [old, new]: [&Option<T>; 2],
        place: &Place<'_>,
    ) {
        match (old, new) {
            (Some(old), Some(new)) => self.differ(rule, old, new, place),
            (Some(old), None) => self.find(rule, place, format_args!("{old:?} is gone")),
            (None, Some(new)) => self.find(rule, place, format_args!("{new:?} is new")),
            (None, None) => {}
        }
    }

    pub(super) fn defs(&mut self, old: &Def, new: &Def, place: &Place<'_>) {
        match (&old.kind, &new.kind) {
            (DefKind::Record(old), DefKind::Record(new)) => self.records(old, new, place),
            (DefKind::Query(old), DefKind::Query(new))
            | (DefKind::Procedure(old), DefKind::Procedure(new)) => {
                self.endpoints(old, new, place);
            }
            (DefKind::Subscription(old), DefKind::Subscription(new)) => {
                self.parameters([&old.parameters, &new.parameters], place);
                self.unions(&old.message, &new.message, &place.name("message").name("schema"));
            }
            (DefKind::PermissionSet(old), DefKind::PermissionSet(new)) => self.permissions(old, new, place),
            (DefKind::Token, DefKind::Token) => {}
            (DefKind::Type(old), DefKind::Type(new)) => self.types(old, new, place),
            (old, new) => self.differ(ChangeRule::TypeChanged, &old.name(), &new.name(), place),
        }
    }

    fn records(&mut self, old: &Record, new: &Record, place: &Place<'_>) {
        self.differ(ChangeRule::KeyChanged, &Key(&old.key), &Key(&new.key), &place.name("key"));
        self.objects(&old.object, &new.object, &place.name("record"));
    }

    fn endpoints(&mut self, old: &EndpointType, new: &EndpointType, place: &Place<'_>) {
        self.parameters([&old.parameters, &new.parameters], place);
        for (name, old, new) in [("input", &old.input, &new.input), ("output", &old.output, &new.output)] {
            let place = place.name(name);
            match (old, new) {
                (Some(old), Some(new)) => self.bodies(old, new, &place),
                (Some(_), None) => {
                    self.find(ChangeRule::BodyChanged, &place, format_args!("the {name} is gone"))
                }
                (None, Some(_)) => {
                    self.find(ChangeRule::BodyChanged, &place, format_args!("the {name} is new"))
                }
                (None, None) => {}
            }
        }
    }

    fn bodies(&mut self, old: &Body, new: &Body, place: &Place<'_>) {
        self.differ(ChangeRule::EncodingChanged, &old.encoding, &new.encoding, &place.name("encoding"));
        let place = place.name("schema");
        match (&old.schema, &new.schema) {
            (Some(old), Some(new)) => self.types(&old.ty, &new.ty, &place),
            (Some(_), None) => {
                self.find(ChangeRule::SchemaChanged, &place, format_args!("the schema is gone"))
            }
            (None, Some(_)) => {
                self.find(ChangeRule::SchemaChanged, &place, format_args!("the schema is new"))
            }
            (None, None) => {}
        }
    }

    /// No parameters are the same as none that are named.
    fn parameters(&mut self, [old, new]: [&Option<ObjectType>; 2], place: &Place<'_>) {
        let none = ObjectType::default();
        let (old, new) = (old.as_ref().unwrap_or(&none), new.as_ref().unwrap_or(&none));
        self.objects(old, new, &place.name("parameters"));
    }

    /// Objects or parameters.
    pub(super) fn objects(&mut self, old: &ObjectType, new: &ObjectType, place: &Place<'_>) {
        let properties = place.name("properties");
        let [was_required, is_required] = [&old.required, &new.required].map(|names| set(names));
        let [was_nullable, is_nullable] = [&old.nullable, &new.nullable].map(|names| set(names));
        for (name, schema) in &old.properties {
            let place = properties.name(name);
            let was_required = was_required.contains(&**name);
            let Some(other) = new.properties.get(name) else {
                if was_required {
                    self.find(ChangeRule::RequiredRemoved, &place, format_args!("{name:?} is gone"));
                }
                continue;
            };
            match (was_required, is_required.contains(&**name)) {
                (false, true) => {
                    self.find(ChangeRule::BecameRequired, &place, format_args!("{name:?} was optional"));
                }
                (true, false) => {
                    self.find(ChangeRule::BecameOptional, &place, format_args!("{name:?} was required"));
                }
                _ => {}
            }
            match (was_nullable.contains(&**name), is_nullable.contains(&**name)) {
                (false, true) => {
                    self.find(ChangeRule::NullableChanged, &place, format_args!("{name:?} can be null now"));
                }
                (true, false) => {
                    self.find(ChangeRule::NullableChanged, &place, format_args!("{name:?} could be null"));
                }
                _ => {}
            }
            self.types(&schema.ty, &other.ty, &place);
        }
        for name in new.required.iter().filter(|name| !old.properties.contains_key(*name)) {
            self.find(ChangeRule::RequiredAdded, &properties.name(name), format_args!("{name:?} is new"));
        }
    }

    /// The order of permissions means nothing; titles may change.
    fn permissions(&mut self, old: &PermissionSet, new: &PermissionSet, place: &Place<'_>) {
        let place = place.name("permissions");
        let [old, new] = [old, new].map(|set| {
            let mut texts: Vec<_> =
                set.permissions.iter().map(Shown).map(|shown| format!("{shown:?}")).collect();
            texts.sort();
            texts.dedup();
            texts
        });
        for (from, other, what) in [(&old, &new, "gone"), (&new, &old, "new")] {
            for text in from.iter().filter(|text| other.binary_search(text).is_err()) {
                self.find(ChangeRule::PermissionChanged, &place, format_args!("{text} is {what}"));
            }
        }
    }
}

fn set(names: &[String]) -> BTreeSet<&str> {
    names.iter().map(String::as_str).collect()
}

/// A record key's kind, as documents have it.
#[derive(PartialEq)]
struct Key<'a>(&'a RecordKeyKind);

impl Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            RecordKeyKind::Tid => f.write_str("\"tid\""),
            RecordKeyKind::Nsid => f.write_str("\"nsid\""),
            RecordKeyKind::Any => f.write_str("\"any\""),
            RecordKeyKind::Literal(literal) => write!(f, "{:?}", format!("literal:{literal}")),
        }
    }
}

/// A permission, its lists in order.
struct Shown<'a>(&'a Permission);

impl Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [mut names, mut actions] = [Vec::new(), Vec::new()];
        match self.0 {
            Permission::Repo { collection, action } => {
                names.extend(collection.iter().map(String::as_str));
                actions.extend(action.iter().map(|action| action.name()));
                names.sort_unstable();
                actions.sort_unstable();
                match actions.as_slice() {
                    [] => write!(f, "repo {names:?}"),
                    actions => write!(f, "repo {names:?} {actions:?}"),
                }
            }
            Permission::Rpc { lxm, aud } => {
                names.extend(lxm.iter().map(String::as_str));
                names.sort_unstable();
                write!(f, "rpc {names:?} {aud:?}")
            }
            Permission::Unknown { fields, .. } => write!(f, "{fields:?}"),
        }
    }
}
