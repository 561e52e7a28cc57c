use super::progress::Progress;
use crate::network::{Network, reason};
use crate::output::{Failure, Outcome, Output, printable};
use crate::plc::known::Known;
use crate::plc::state::PDS;
use crate::remote::session::LoggedIn;
use crate::remote::{Stop, to_json};
use crate::transfer::nsid;
use atproto_crypto::{PublicKey, SecretKey};
use atproto_identity::DidDocument;
use atproto_identity::plc::{Data, Endpoint, Operation, UnsignedOperation, is_did};
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Did;
use atproto_xrpc::{Call, ServiceUrl};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use tokio::runtime::Runtime;

/// Who signs the operation that moves the identity.
pub(crate) enum Authority {
    /// A rotation key that we hold.
    Key(SecretKey),
    /// The old host, for the token that it has sent by e-mail.
    Token(String),
    /// The old host, which has yet to send one.
    Nobody,
}

/// What a host wants an identity to say.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Credentials {
    #[serde(default)]
    rotation_keys: Vec<String>,
    #[serde(default)]
    also_known_as: Vec<String>,
    #[serde(default)]
    verification_methods: BTreeMap<String, String>,
    #[serde(default)]
    services: BTreeMap<String, Endpoint>,
}

/// An identity on its way from one host to another.
pub(super) struct Identity<'a> {
    pub(super) did: &'a Did,
    pub(super) old: &'a LoggedIn,
    pub(super) new: &'a LoggedIn,
    pub(super) network: &'a Network,
    pub(super) runtime: &'a Runtime,
    pub(super) authority: &'a Authority,
    /// Keys that stay, or come, whatever the hosts say.
    pub(super) own_keys: &'a [PublicKey],
}

impl Credentials {
    /// By the word of a host.
    pub(super) fn of(client: &LoggedIn, runtime: &Runtime) -> Result<Self, Stop> {
        answer(client, &Call::query(nsid("com.atproto.identity.getRecommendedDidCredentials")?), runtime)
    }

    /// Those of the host that the account was created on: it must say that it is this one.
    pub(super) fn checked(self, host: &ServiceUrl) -> Result<Self, Stop> {
        let endpoint = self.services.get(PDS.0).filter(|service| service.kind == PDS.1);
        let endpoint = endpoint.map(|service| service.endpoint.as_str()).unwrap_or_default();
        if ServiceUrl::parse(endpoint).ok().as_ref() != Some(host) {
            let reason = format!("{host} says that accounts are at {endpoint:?}: name that host");
            return Err(Stop::wrong("other_host", reason));
        }
        self.key()?;
        Ok(self)
    }

    /// The key that the host signs commits with.
    pub(super) fn key(&self) -> Result<PublicKey, Stop> {
        let key = self.verification_methods.get("atproto").and_then(|key| key.parse().ok());
        key.ok_or_else(|| Stop::wrong("no_key", "the new host names no key that it signs with"))
    }

    /// Whether a document says it already.
    pub(super) fn are_in(&self, document: &DidDocument) -> bool {
        let host = document.pds().and_then(|pds| ServiceUrl::parse(pds).ok());
        let wanted = self.services.get(PDS.0).and_then(|service| ServiceUrl::parse(&service.endpoint).ok());
        host.is_some() && host == wanted && document.signing_key() == self.key().ok()
    }
}

impl Identity<'_> {
    /// Has the DID name the new host and its key, as it may do already.
    pub(super) fn change(&self, progress: &mut Progress, output: &mut Output) -> Result<(), Stop> {
        let wanted = Credentials::of(self.new, self.runtime)?.checked(&progress.state.to)?;
        if !is_did(self.did) {
            return self.change_document(&wanted);
        }
        let known = Known::fetch(self.did, self.network)?;
        let ended = || Stop::wrong("tombstoned", format!("{} has ended", self.did));
        let (head, current) = known.history.head().zip(known.history.data()).ok_or_else(ended)?;
        if wanted.are_in(&current.to_document(self.did)) {
            return Ok(());
        }
        let next = self.next(current, wanted)?;
        let is_next = |operation: &Operation| is_update(operation, &next, head);
        let operation = match progress.state.operation.take_if(|operation| is_next(operation)) {
            Some(signed) => signed,
            None => {
                for change in current.changes(&next) {
                    output.note(printable(&change.to_string()));
                }
                let signed = self.sign(&next, head)?;
                if !is_next(&signed) {
                    return Err(Stop::wrong(
                        "other_operation",
                        "the old host has signed another operation than it was asked to",
                    ));
                }
                signed
            }
        };
        let now = known.now().ok_or_else(|| Stop::wrong("clock", "the clock is beyond the calendar"))?;
        known.history.check(&operation, &now).map_err(|fault| Stop::wrong("invalid_operation", fault))?;
        // It is the one that will have been submitted, whatever becomes of this program.
        progress.state.operation = Some(operation.clone());
        progress.save()?;
        let submit = procedure("com.atproto.identity.submitPlcOperation", &json!({"operation": operation}))?;
        self.runtime.block_on(self.new.call(&submit))?;
        let known = Known::fetch(self.did, self.network)?;
        match known.history.head() == Some(&operation.cid()) {
            true => Ok(()),
            false => Err(Stop::wrong(
                "not_submitted",
                "the new host has taken the operation, and the directory does not have it",
            )),
        }
    }

    /// The state that the identity is to have: the keys of one's own stay, those of the old host go.
    fn next(&self, current: &Data, wanted: Credentials) -> Result<Data, Stop> {
        let old = Credentials::of(self.old, self.runtime)?.rotation_keys;
        let mut own: Vec<String> = self.own_keys.iter().map(PublicKey::to_did_key).collect();
        if let Authority::Key(key) = self.authority {
            let key = key.public_key().to_did_key();
            if !current.rotation_keys.contains(&key) {
                return Err(Stop::usage(format!("--rotation-key: {key} is no rotation key of {}", self.did)));
            }
            own.push(key);
        }
        let next = next(current, wanted, &old, &own);
        next.check().map_err(|fault| Stop::wrong("invalid_operation", fault))?;
        Ok(next)
    }

    fn sign(&self, next: &Data, head: &Cid) -> Result<Operation, Stop> {
        match self.authority {
            Authority::Key(key) => {
                let unsigned = UnsignedOperation::Update { data: next.clone(), prev: Some(*head) };
                unsigned.sign(key).map_err(|error| Stop::wrong("invalid_operation", error))
            }
            Authority::Token(token) => {
                #[derive(Deserialize)]
                struct Signed {
                    operation: Operation,
                }
                let mut input = serde_json::to_value(next).unwrap_or_default();
                if let Some(fields) = input.as_object_mut() {
                    fields.insert("token".into(), token.as_str().into());
                }
                let call = procedure("com.atproto.identity.signPlcOperation", &input)?;
                Ok(answer::<Signed>(self.old, &call, self.runtime)?.operation)
            }
            Authority::Nobody => {
                let request = Call::procedure(nsid("com.atproto.identity.requestPlcOperationSignature")?);
                self.runtime.block_on(self.old.call(&request))?;
                let reason = format!(
                    "{} has sent an e-mail: run the same command again with the --token that is in it",
                    self.old.service()
                );
                Err(Stop::because(Outcome::Waiting, "token_needed", reason))
            }
        }
    }

    /// A document that its owner writes.
    fn change_document(&self, wanted: &Credentials) -> Result<(), Stop> {
        let document = self.network.document(self.did).map_err(|error| Failure::File(reason(&error)))?;
        if wanted.are_in(&document) {
            return Ok(());
        }
        let endpoint = wanted.services.get(PDS.0).map(|service| service.endpoint.as_str());
        let reason = format!(
            "change the DID document of {}: #{} is at {}, #atproto has the key {}; then run the same command again",
            self.did,
            PDS.0,
            endpoint.unwrap_or_default(),
            wanted.key()?.to_multikey(),
        );
        Err(Stop::because(Outcome::Waiting, "document_needed", reason))
    }
}

fn next(current: &Data, wanted: Credentials, old_keys: &[String], own_keys: &[String]) -> Data {
    let mut next = current.clone();
    let goes = |key: &String| old_keys.contains(key) && !own_keys.contains(key);
    next.rotation_keys.retain(|key| !goes(key));
    for key in own_keys.iter().chain(&wanted.rotation_keys) {
        if !next.rotation_keys.contains(key) {
            next.rotation_keys.push(key.clone());
        }
    }
    // The handle is the first of the names; what else the account is known as stays.
    let handle = next.also_known_as.iter().position(|name| name.starts_with("at://"));
    if let Some(place) = handle.filter(|_| !wanted.also_known_as.is_empty()) {
        next.also_known_as.remove(place);
    }
    next.also_known_as.retain(|name| !wanted.also_known_as.contains(name));
    next.also_known_as.splice(0..0, wanted.also_known_as);
    let taken = |map: BTreeMap<String, _>, name| map.into_iter().find(|(other, _)| other == name);
    next.verification_methods.extend(taken(wanted.verification_methods, "atproto"));
    next.services.extend(wanted.services.into_iter().find(|(name, _)| name == PDS.0));
    next
}

/// Whether this operation sets that state, after that operation.
fn is_update(operation: &Operation, next: &Data, head: &Cid) -> bool {
    matches!(&operation.unsigned, UnsignedOperation::Update { data, prev: Some(prev) } if data == next && prev == head)
}

fn procedure(name: &str, input: &Json) -> Result<Call, Stop> {
    Ok(Call::procedure(nsid(name)?).with_json(input)?)
}

/// What an endpoint answers, as a type of ours.
fn answer<T: DeserializeOwned>(client: &LoggedIn, call: &Call, runtime: &Runtime) -> Result<T, Stop> {
    let value = runtime.block_on(client.call(call))?.output;
    let value = value.ok_or_else(|| Stop::wrong("malformed", format!("{} answers nothing", call.nsid())))?;
    let fault = |error| Stop::wrong("malformed", format!("{}: {error}", call.nsid()));
    serde_json::from_value(to_json(&value)?).map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint { kind: PDS.1.to_owned(), endpoint: url.to_owned() }
    }

    #[test]
    fn what_is_ones_own_stays() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let current = Data {
            rotation_keys: texts(&["mine", "old-recovery", "old"]),
            also_known_as: texts(&["https://me.example", "at://a.old", "at://b.old"]),
            verification_methods: [("atproto", "old-key"), ("atproto_label", "label-key")]
                .map(|(name, key)| (name.to_owned(), key.to_owned()))
                .into(),
            services: [
                (PDS.0.to_owned(), endpoint("https://old")),
                ("other".to_owned(), endpoint("https://o")),
            ]
            .into(),
        };
        let wanted = Credentials {
            rotation_keys: texts(&["new"]),
            also_known_as: texts(&["at://a.new"]),
            verification_methods: [("atproto", "new-key"), ("more", "more-key")]
                .map(|(name, key)| (name.to_owned(), key.to_owned()))
                .into(),
            services: [
                (PDS.0.to_owned(), endpoint("https://new")),
                ("other".to_owned(), endpoint("https://x")),
            ]
            .into(),
        };
        // A host that claims the keys of others takes none of those that are named.
        let next =
            next(&current, wanted, &texts(&["old-recovery", "old", "mine"]), &texts(&["mine", "offline"]));
        assert_eq!(next.rotation_keys, texts(&["mine", "offline", "new"]));
        assert_eq!(next.also_known_as, texts(&["at://a.new", "https://me.example", "at://b.old"]));
        assert_eq!(next.services[PDS.0].endpoint, "https://new");
        assert_eq!(next.services["other"].endpoint, "https://o");
        let keys: Vec<_> = next.verification_methods.iter().map(|(name, key)| (&**name, &**key)).collect();
        assert_eq!(keys, [("atproto", "new-key"), ("atproto_label", "label-key")]);
    }
}
