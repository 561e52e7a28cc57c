use super::document::Linter;
use super::names::repetitions;
use super::rule::Rule;
use crate::data::{Object, Value};
use crate::schema::{Audience, DefKind, Permission, PermissionSet, Place};
use crate::syntax::Nsid;

impl<'a> Linter<'a> {
    pub(super) fn permission_set(&mut self, set: &'a PermissionSet, place: &Place<'_>) {
        let place = place.name("permissions");
        if set.permissions.is_empty() {
            self.find(Rule::EmptyPermission, &place, format_args!("the set allows nothing"));
        }
        for (index, permission) in set.permissions.iter().enumerate() {
            let place = place.index(index);
            match permission {
                Permission::Repo { collection, action } => {
                    self.targets(collection, &place.name("collection"), |kind| {
                        matches!(kind, DefKind::Record(_)).then_some(()).ok_or("a record")
                    });
                    for index in repetitions(action) {
                        let place = place.name("action");
                        self.find(
                            Rule::RepeatedValue,
                            &place.index(index),
                            format_args!("it is there already"),
                        );
                    }
                }
                Permission::Rpc { lxm, aud } => {
                    self.targets(lxm, &place.name("lxm"), |kind| match kind {
                        DefKind::Query(_) | DefKind::Procedure(_) | DefKind::Subscription(_) => Ok(()),
                        _ => Err("an endpoint"),
                    });
                    match aud {
                        Audience::Inherited => {}
                        Audience::Named(aud) if aud == "*" => {}
                        Audience::Named(aud) => {
                            let message = format_args!("{aud:?} is a fixed service, a set has only \"*\"");
                            self.find(Rule::PermissionAudience, &place.name("aud"), message);
                        }
                        Audience::Absent => {
                            let message = format_args!("either \"inheritAud\" or \"aud\" has to be there");
                            self.find(Rule::PermissionAudience, &place, message);
                        }
                    }
                }
                Permission::Unknown { resource, fields } => self.unknown(resource, fields, &place),
            }
        }
    }

    /// NSIDs that a permission is for.
    fn targets(
        &mut self,
        names: &'a [String],
        place: &Place<'_>,
        check: fn(&DefKind) -> Result<(), &'static str>,
    ) {
        for index in repetitions(names) {
            self.find(Rule::RepeatedValue, &place.index(index), format_args!("it is there already"));
        }
        for (index, name) in names.iter().enumerate() {
            let place = place.index(index);
            if name == "*" {
                self.find(Rule::WildcardPermission, &place, format_args!("a set has no \"*\" here"));
                continue;
            }
            let Ok(nsid) = name.parse::<Nsid>() else {
                self.find(Rule::PermissionNsid, &place, format_args!("{name:?} is no NSID"));
                continue;
            };
            let group = self.document.id.as_str().rsplit_once('.').map_or("", |(group, _)| group);
            if nsid.as_str().strip_prefix(group).is_none_or(|rest| !rest.starts_with('.')) {
                let message = format_args!("{nsid} is not of {group:?} or below it");
                self.find(Rule::PermissionOutside, &place, message);
            }
            if let Some(document) = self.catalog.document(&nsid)
                && let Err(expected) = document.main().map_or(Err("a definition"), |main| check(&main.kind))
            {
                self.find(Rule::PermissionKind, &place, format_args!("{nsid} is not {expected}"));
            }
        }
    }

    /// What makes a permission one that is to be ignored.
    fn unknown(&mut self, resource: &str, fields: &Object, place: &Place<'_>) {
        let known: &[&str] = match resource {
            "repo" => &["collection", "action"],
            "rpc" => &["lxm", "aud", "inheritAud"],
            _ => {
                let message = format_args!("there is no resource {resource:?} for sets, this is ignored");
                return self.find(Rule::UnknownPermission, &place.name("resource"), message);
            }
        };
        for name in fields.keys() {
            if !known.contains(&name) && !["type", "description", "resource"].contains(&name) {
                let message = format_args!("{resource:?} has no such field, the permission is ignored");
                self.find(Rule::UnknownPermission, &place.name(name), message);
            }
        }
        let is_true = |name| fields.get(name) == Some(&Value::Boolean(true));
        if resource == "rpc" && is_true("inheritAud") && fields.contains_key("aud") {
            let message = format_args!("\"inheritAud\" and \"aud\" exclude each other, this is ignored");
            self.find(Rule::PermissionAudience, place, message);
        }
        for name in ["action", "collection", "lxm"].iter().filter(|name| known.contains(name)) {
            let Some(Value::Array(values)) = fields.get(name) else { continue };
            if values.is_empty() {
                let message = format_args!("the list is empty, so that the permission is ignored");
                self.find(Rule::EmptyPermission, &place.name(name), message);
            }
            let is_action = |value: &Value| matches!(value.as_str(), Some("create" | "update" | "delete"));
            for (index, _) in values.iter().enumerate().filter(|(_, value)| !is_action(value)) {
                if *name == "action" {
                    let message = format_args!("not an action, so that the permission is ignored");
                    self.find(Rule::UnknownPermission, &place.name(name).index(index), message);
                }
            }
        }
    }
}
