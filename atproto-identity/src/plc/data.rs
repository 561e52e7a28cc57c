//! What an operation says of a DID, and what has changed from one operation to another.

use super::text;
use crate::document::{DidDocument, Service, VerificationMethod};
use atproto_crypto::{KeyError, PublicKey};
use atproto_lexicon::syntax::Did;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The state of a DID: what an operation sets, all of it each time.
///
/// Reading is lenient: what is in here may be more, longer or other than [`check`](Self::check) allows for new operations.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    /// The keys that may sign the next operation, as did:key, in falling authority.
    pub rotation_keys: Vec<String>,
    /// Public keys as did:key, by their names without `#`: `atproto` signs commits.
    #[serde(deserialize_with = "text::map")]
    pub verification_methods: BTreeMap<String, String>,
    /// URIs of other names: `at://` and a handle.
    pub also_known_as: Vec<String>,
    /// Services, by their names without `#`: `atproto_pds` is the account's host.
    #[serde(deserialize_with = "text::map")]
    pub services: BTreeMap<String, Endpoint>,
}

/// A service, as operations write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// What kind of service it is: `AtprotoPersonalDataServer`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its URL.
    pub endpoint: String,
}

/// What the directory does not take in a new operation. The number in each is where: the index in its list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataFault {
    /// There is no rotation key: nothing could ever change again.
    #[error("there are no rotation keys")]
    NoRotationKeys,
    /// More than [`Data::MAX_ROTATION_KEYS`].
    #[error("there are more than {max} rotation keys", max = Data::MAX_ROTATION_KEYS)]
    TooManyRotationKeys,
    /// A rotation key is not a did:key of P-256 or K-256.
    #[error("rotation key {index}: {error}")]
    RotationKey {
        /// Where it stands in the list.
        index: usize,
        /// What is wrong with it.
        error: KeyError,
    },
    /// A rotation key stands twice.
    #[error("rotation key {0} stands there twice")]
    DuplicateRotationKey(usize),
    /// More than [`Data::MAX_ENTRIES`] aliases, services or verification methods.
    #[error("there are more than {max} {0}", max = Data::MAX_ENTRIES)]
    TooMany(Part),
    /// An alias of more than [`Data::MAX_ALIAS_LEN`] bytes.
    #[error("alias {0} is longer than {max} bytes", max = Data::MAX_ALIAS_LEN)]
    AliasTooLong(usize),
    /// An alias stands twice.
    #[error("alias {0} stands there twice")]
    DuplicateAlias(usize),
    /// The name of a service or verification method of more than [`Data::MAX_ID_LEN`] bytes.
    #[error("the name {name:?} among the {part} is longer than {max} bytes", max = Data::MAX_ID_LEN)]
    IdTooLong {
        /// Where.
        part: Part,
        /// The name.
        name: String,
    },
    /// A service's type of more than [`Data::MAX_TYPE_LEN`] bytes.
    #[error("the type of service {0:?} is longer than {max} bytes", max = Data::MAX_TYPE_LEN)]
    TypeTooLong(String),
    /// A service's endpoint of more than [`Data::MAX_ENDPOINT_LEN`] bytes.
    #[error("the endpoint of service {0:?} is longer than {max} bytes", max = Data::MAX_ENDPOINT_LEN)]
    EndpointTooLong(String),
    /// A verification method is not a well-formed did:key, of whichever type, or longer than [`Data::MAX_TYPE_LEN`] bytes.
    #[error("verification method {0:?} is not a did:key")]
    VerificationMethod(String),
}

/// A part of [`Data`] with many entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// `alsoKnownAs`.
    Aliases,
    /// `services`.
    Services,
    /// `verificationMethods`.
    VerificationMethods,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aliases => "aliases",
            Self::Services => "services",
            Self::VerificationMethods => "verification methods",
        })
    }
}

impl Data {
    /// The most rotation keys of a new operation.
    pub const MAX_ROTATION_KEYS: usize = 5;
    /// The most aliases, services and verification methods of a new operation, of each.
    pub const MAX_ENTRIES: usize = 10;
    /// The greatest length of an alias in bytes: `at://` and the longest handle.
    pub const MAX_ALIAS_LEN: usize = 258;
    /// The greatest length of the name of a service or verification method in bytes.
    pub const MAX_ID_LEN: usize = 32;
    /// The greatest length of a service's type and of a key's text in bytes.
    pub const MAX_TYPE_LEN: usize = 256;
    /// The greatest length of a service's endpoint in bytes.
    pub const MAX_ENDPOINT_LEN: usize = 512;

    /// Checks what a new operation must keep to.
    ///
    /// # Errors
    /// The first fault.
    pub fn check(&self) -> Result<(), DataFault> {
        self.check_rotation_keys()?;
        if self.also_known_as.len() > Self::MAX_ENTRIES {
            return Err(DataFault::TooMany(Part::Aliases));
        }
        let mut seen = BTreeSet::new();
        for (index, alias) in self.also_known_as.iter().enumerate() {
            if alias.len() > Self::MAX_ALIAS_LEN {
                return Err(DataFault::AliasTooLong(index));
            }
            if !seen.insert(alias) {
                return Err(DataFault::DuplicateAlias(index));
            }
        }
        check_names(Part::Services, self.services.keys())?;
        for (name, service) in &self.services {
            if service.kind.len() > Self::MAX_TYPE_LEN {
                return Err(DataFault::TypeTooLong(name.clone()));
            }
            if service.endpoint.len() > Self::MAX_ENDPOINT_LEN {
                return Err(DataFault::EndpointTooLong(name.clone()));
            }
        }
        check_names(Part::VerificationMethods, self.verification_methods.keys())?;
        let bad = self.verification_methods.iter().find(|(_, key)| {
            let known = PublicKey::from_did_key(key);
            key.len() > Self::MAX_TYPE_LEN || !matches!(known, Ok(_) | Err(KeyError::UnsupportedType { .. }))
        });
        bad.map_or(Ok(()), |(name, _)| Err(DataFault::VerificationMethod(name.clone())))
    }

    fn check_rotation_keys(&self) -> Result<(), DataFault> {
        if self.rotation_keys.is_empty() {
            return Err(DataFault::NoRotationKeys);
        }
        if self.rotation_keys.len() > Self::MAX_ROTATION_KEYS {
            return Err(DataFault::TooManyRotationKeys);
        }
        let mut seen = BTreeSet::new();
        for (index, key) in self.rotation_keys.iter().enumerate() {
            PublicKey::from_did_key(key).map_err(|error| DataFault::RotationKey { index, error })?;
            if !seen.insert(key) {
                return Err(DataFault::DuplicateRotationKey(index));
            }
        }
        Ok(())
    }

    /// The DID document that the directory shows for this state
    /// (<https://web.plc.directory/spec/v0.1/did-plc#presentation-as-did-document>).
    pub fn to_document(&self, did: &Did) -> DidDocument {
        let methods = self.verification_methods.iter().map(|(name, key)| VerificationMethod {
            id: format!("{did}#{name}"),
            method_type: "Multikey".to_owned(),
            controller: did.to_string(),
            public_key_multibase: key.strip_prefix("did:key:").unwrap_or(key).to_owned(),
        });
        let services = self.services.iter().map(|(name, service)| Service {
            id: format!("#{name}"),
            service_type: service.kind.clone(),
            service_endpoint: Some(service.endpoint.clone()),
        });
        DidDocument {
            id: did.clone(),
            also_known_as: self.also_known_as.clone(),
            verification_method: methods.collect(),
            service: services.collect(),
        }
    }

    /// What is different in `later`, part by part.
    pub fn changes(&self, later: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        list_changes(List::RotationKeys, &self.rotation_keys, &later.rotation_keys, &mut changes);
        let key = |key: &String| key.clone();
        map_changes(
            Map::VerificationMethods,
            &self.verification_methods,
            &later.verification_methods,
            key,
            &mut changes,
        );
        list_changes(List::Aliases, &self.also_known_as, &later.also_known_as, &mut changes);
        let service = |service: &Endpoint| format!("{} {}", service.kind, service.endpoint);
        map_changes(Map::Services, &self.services, &later.services, service, &mut changes);
        changes
    }
}

fn check_names<'a>(part: Part, names: impl ExactSizeIterator<Item = &'a String>) -> Result<(), DataFault> {
    if names.len() > Data::MAX_ENTRIES {
        return Err(DataFault::TooMany(part));
    }
    let mut names = names;
    let long = names.find(|name| name.len() > Data::MAX_ID_LEN);
    long.map_or(Ok(()), |name| Err(DataFault::IdTooLong { part, name: name.clone() }))
}

/// One difference between two states of a DID.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// An entry of a list is new.
    Added {
        /// Which list.
        list: List,
        /// The entry.
        value: String,
    },
    /// An entry of a list is gone.
    Removed {
        /// Which list.
        list: List,
        /// The entry.
        value: String,
    },
    /// The entries of a list that stay stand in another order: that of authority or of precedence.
    Reordered(List),
    /// A named entry is new, gone, or another.
    Set {
        /// Which map.
        map: Map,
        /// Its name.
        name: String,
        /// What it was; `None` where it is new. Of a service, its type and its endpoint.
        before: Option<String>,
        /// What it is; `None` where it is gone.
        after: Option<String>,
    },
}

/// A list of [`Data`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// `rotationKeys`.
    RotationKeys,
    /// `alsoKnownAs`.
    Aliases,
}

/// A map of [`Data`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Map {
    /// `verificationMethods`.
    VerificationMethods,
    /// `services`.
    Services,
}

impl List {
    fn name(self) -> &'static str {
        match self {
            Self::RotationKeys => "rotation key",
            Self::Aliases => "alias",
        }
    }
}

impl Map {
    fn name(self) -> &'static str {
        match self {
            Self::VerificationMethods => "verification method",
            Self::Services => "service",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { list, value } => write!(f, "{} added: {value}", list.name()),
            Self::Removed { list, value } => write!(f, "{} removed: {value}", list.name()),
            Self::Reordered(list) => write!(f, "order of each {} changed", list.name()),
            Self::Set { map, name, before, after } => {
                write!(f, "{} {name} ", map.name())?;
                match (before, after) {
                    (None, Some(after)) => write!(f, "added: {after}"),
                    (Some(before), None) => write!(f, "removed: {before}"),
                    (before, after) => {
                        let text = |value: &Option<String>| value.clone().unwrap_or_default();
                        write!(f, "changed: {} to {}", text(before), text(after))
                    }
                }
            }
        }
    }
}

fn list_changes(list: List, before: &[String], after: &[String], changes: &mut Vec<Change>) {
    // How many of an entry are there: a list that was read may have it twice.
    let count = |entries: &[String], entry: &String| entries.iter().filter(|other| *other == entry).count();
    let differing = |from: &[String], to: &[String]| -> Vec<String> {
        let mut seen = BTreeSet::new();
        let once = from.iter().filter(|entry| seen.insert(*entry));
        once.filter(|entry| count(from, entry) != count(to, entry)).cloned().collect()
    };
    let (less, more) = (differing(before, after), differing(after, before));
    let is_same = less.is_empty() && more.is_empty();
    let removed = less.iter().filter(|entry| count(before, entry) > count(after, entry));
    changes.extend(removed.map(|value| Change::Removed { list, value: value.clone() }));
    let added = more.iter().filter(|entry| count(after, entry) > count(before, entry));
    changes.extend(added.map(|value| Change::Added { list, value: value.clone() }));
    let kept = |from: &[String], to: &[String]| -> Vec<String> {
        from.iter().filter(|entry| to.contains(entry)).cloned().collect()
    };
    if (is_same && before != after) || (!is_same && kept(before, after) != kept(after, before)) {
        changes.push(Change::Reordered(list));
    }
}

fn map_changes<T: PartialEq>(
    map: Map,
    before: &BTreeMap<String, T>,
    after: &BTreeMap<String, T>,
    text: impl Fn(&T) -> String,
    changes: &mut Vec<Change>,
) {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        if old != new {
            let (before, after) = (old.map(&text), new.map(&text));
            changes.push(Change::Set { map, name: name.clone(), before, after });
        }
    }
}
