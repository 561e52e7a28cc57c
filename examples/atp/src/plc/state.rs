//! The parts of a DID's state, as options.

use atproto_crypto::PublicKey;
use atproto_identity::DidDocument;
use atproto_identity::plc::{Data, Endpoint};
use atproto_lexicon::syntax::{Did, Handle};
use clap::Args;

/// The name of the service that is the account's host, and its type.
pub(crate) const PDS: (&str, &str) = ("atproto_pds", "AtprotoPersonalDataServer");

#[derive(Args)]
pub(super) struct StateArguments {
    /// A key that may sign the next operation, as did:key; all of them, in falling authority.
    #[arg(long = "rotation-key", value_name = "did:key")]
    rotation_keys: Vec<PublicKey>,
    /// The key that signs the account's commits, as did:key.
    #[arg(long, value_name = "did:key")]
    signing_key: Option<PublicKey>,
    /// The handle; it takes the place of the first one.
    #[arg(long)]
    handle: Option<Handle>,
    /// The URL of the account's host.
    #[arg(long, value_name = "URL", value_parser = pds_url)]
    pds: Option<String>,
    /// Another service, by its name, its type and its URL.
    #[arg(long = "service", value_name = "ID=TYPE,URL", value_parser = service)]
    services: Vec<(String, Endpoint)>,
    /// Another public key, such as atproto_label=did:key:…
    #[arg(long = "verification-method", value_name = "ID=did:key", value_parser = verification_method)]
    verification_methods: Vec<(String, String)>,
}

impl StateArguments {
    /// Whether there is none of them.
    pub(super) fn is_empty(&self) -> bool {
        self.rotation_keys.is_empty()
            && self.signing_key.is_none()
            && self.handle.is_none()
            && self.pds.is_none()
            && self.services.is_empty()
            && self.verification_methods.is_empty()
    }

    /// Sets what is given, and leaves the rest.
    pub(super) fn apply(self, data: &mut Data) {
        if !self.rotation_keys.is_empty() {
            data.rotation_keys = self.rotation_keys.iter().map(PublicKey::to_did_key).collect();
        }
        if let Some(key) = self.signing_key {
            data.verification_methods.insert("atproto".into(), key.to_did_key());
        }
        data.verification_methods.extend(self.verification_methods);
        if let Some(handle) = self.handle {
            set_handle(data, &handle);
        }
        if let Some(endpoint) = self.pds {
            data.services.insert(PDS.0.into(), Endpoint { kind: PDS.1.into(), endpoint });
        }
        data.services.extend(self.services);
    }
}

/// The first alias that is a handle counts: it is replaced where it stands, other aliases stay.
pub(crate) fn set_handle(data: &mut Data, handle: &Handle) {
    let alias = format!("at://{}", handle.to_normalized());
    let aliases = &mut data.also_known_as;
    let place = aliases.iter().position(|other| other.starts_with("at://"));
    match place.and_then(|place| aliases.get_mut(place)) {
        Some(first) => first.clone_from(&alias),
        None => aliases.insert(0, alias.clone()),
    }
    let mut seen = false;
    aliases.retain(|other| *other != alias || !std::mem::replace(&mut seen, true));
}

fn pds_url(text: &str) -> Result<String, String> {
    let did: Did = "did:web:example.com".parse().map_err(|_| "no DID")?;
    let document = DidDocument::new(did).with_service(PDS.0, PDS.1, text);
    document.pds().map(str::to_owned).ok_or_else(|| "not https:// and a host".into())
}

fn service(text: &str) -> Result<(String, Endpoint), String> {
    let parts = text.split_once('=').and_then(|(id, rest)| Some((id, rest.split_once(',')?)));
    match parts {
        Some((id, (kind, endpoint))) if ![id, kind, endpoint].contains(&"") => {
            let endpoint = Endpoint { kind: kind.into(), endpoint: endpoint.into() };
            Ok((bare(id), endpoint))
        }
        _ => Err("not ID=TYPE,URL".into()),
    }
}

fn verification_method(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((id, key)) if !id.is_empty() && key.starts_with("did:key:") => Ok((bare(id), key.into())),
        _ => Err("not ID=did:key:…".into()),
    }
}

/// A name without the `#` that documents have before it.
fn bare(id: &str) -> String {
    id.strip_prefix('#').unwrap_or(id).to_owned()
}
