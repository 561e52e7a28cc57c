//! Valid tokens to be signed, labels, scopes and messages of event streams.

use super::{NOW, key};
use crate::api::com::atproto::label::defs::Label;
use crate::auth::service::{Audience, ServiceToken};
use atproto_crypto::Curve;
use atproto_lexicon::syntax::{AtUri, Did, Uri};
use atproto_lexicon::testing::{strings, values};
use proptest::prelude::*;

/// DIDs, with or without a service.
pub fn audience() -> impl Strategy<Value = Audience> {
    (strings::did(), prop::option::of(service()))
        .prop_map(|(did, service)| of_service(&did, service.as_deref()))
}

fn service() -> impl Strategy<Value = String> {
    "[a-z][a-z_]{0,14}"
}

fn of_service(did: &Did, service: Option<&str>) -> Audience {
    let service = service.map(|service| format!("#{service}")).unwrap_or_default();
    format!("{did}{service}").parse().unwrap()
}

/// Tokens of service auth to be signed, which count at the time of the hostile ones ([`TokenCase::now`](super::TokenCase::now)).
pub fn service_token() -> impl Strategy<Value = ServiceToken> {
    let method = prop::option::weighted(0.8, strings::nsid());
    (strings::did(), audience(), method, 0..60_u64, 61..3600_u64).prop_map(
        |(issuer, audience, method, ago, lifetime)| {
            let token = ServiceToken::new(issuer, audience, NOW - ago).with_lifetime(lifetime);
            match method {
                Some(method) => token.for_method(&method),
                None => token,
            }
        },
    )
}

/// Labels of accounts and records, signed by the key of [`labeler_key`].
pub fn label() -> impl Strategy<Value = Label> {
    let subject = prop_oneof![
        strings::did().prop_map(|did| did.to_string()),
        strings::at_uri().prop_map(|uri: AtUri| uri.to_string()),
    ];
    let subject = subject.prop_filter_map("a subject is a URI", |text| text.parse::<Uri>().ok());
    let times = (strings::datetime(), prop::option::weighted(0.2, strings::datetime()));
    let more =
        (prop::option::weighted(0.3, strings::cid_string()), prop::option::weighted(0.2, any::<bool>()));
    (strings::did(), subject, "!?[a-z][a-z-]{0,20}", times, more).prop_map(
        |(src, uri, val, (cts, exp), (cid, neg))| {
            let mut label = Label::new(src, uri, val, cts);
            (label.cid, label.exp, label.neg) = (cid, exp, neg);
            crate::label::sign(&mut label, &key(Curve::K256)).unwrap();
            label
        },
    )
}

/// The key that [`label`] signs with.
pub fn labeler_key() -> atproto_crypto::PublicKey {
    key(Curve::K256).public_key()
}

/// Messages of an event stream: their type, such as `#commit`, and their bytes.
pub fn message() -> impl Strategy<Value = (String, Vec<u8>)> {
    ("#[a-z]{1,16}", values::object()).prop_map(|(t, body)| {
        let body = atproto_lexicon::data::cbor::to_vec(&body).unwrap();
        let frame = atproto_lexicon::data::frame::to_frame(&t, &body);
        (t, frame)
    })
}

atproto_lexicon::impl_arbitrary! {
    Audience: audience();
    Label: label();
    ServiceToken: service_token();
}

#[cfg(feature = "oauth")]
pub use scopes::{scope, scope_set};

#[cfg(feature = "oauth")]
mod scopes {
    use super::{of_service, service};
    use crate::auth::scope::{
        AccountAction, AccountAttribute, AccountScope, BlobScope, CallAudience, IdentityScope, IncludeScope,
        RepoAction, RepoScope, RpcScope, Scope, ScopeSet, Transition,
    };
    use crate::auth::service::Audience;
    use atproto_lexicon::syntax::Did;
    use atproto_lexicon::testing::strings;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    /// A service of a DID that the network resolves.
    fn resolved() -> impl Strategy<Value = Audience> {
        let did = prop_oneof![
            "did:plc:[a-z2-7]{24}".prop_map(|text| text.parse::<Did>().unwrap()),
            strings::handle().prop_map(|handle| format!("did:web:{handle}").parse().unwrap()),
        ];
        (did, service()).prop_map(|(did, service)| of_service(&did, Some(&service)))
    }

    fn repo() -> impl Strategy<Value = RepoScope> {
        let collections = prop::option::weighted(0.8, vec(strings::nsid(), 1..4));
        let actions = subsequence(&RepoAction::ALL[..], 1..=3);
        (collections, actions).prop_map(|(collections, actions)| {
            match collections {
                Some(collections) => RepoScope::new(collections, actions),
                None => RepoScope::any(actions),
            }
            .unwrap()
        })
    }

    fn rpc() -> impl Strategy<Value = RpcScope> {
        let audience = prop_oneof![
            1 => Just(CallAudience::Any),
            2 => resolved().prop_map(CallAudience::Service),
        ];
        prop_oneof![
            3 => (vec(strings::nsid(), 1..4), audience)
                .prop_map(|(methods, audience)| RpcScope::new(methods, audience).unwrap()),
            1 => resolved().prop_map(|service| RpcScope::any_method(service).unwrap()),
        ]
    }

    fn blob() -> impl Strategy<Value = BlobScope> {
        let accept = prop_oneof![Just("*/*".to_owned()), "[a-z]{1,8}/\\*", "[a-z]{1,8}/[a-z0-9.+-]{1,12}"];
        vec(accept, 1..4)
            .prop_map(|accept| BlobScope::new(accept.iter().map(|text| text.parse().unwrap())).unwrap())
    }

    fn account() -> impl Strategy<Value = AccountScope> {
        let attribute = select(&[AccountAttribute::Email, AccountAttribute::Repo][..]);
        let action = select(&[AccountAction::Read, AccountAction::Manage][..]);
        (attribute, action).prop_map(|(attribute, action)| AccountScope { attribute, action })
    }

    fn include() -> impl Strategy<Value = IncludeScope> {
        (strings::nsid(), prop::option::of(resolved())).prop_map(|(set, audience)| {
            let include = IncludeScope::new(&set);
            match audience {
                Some(audience) => include.with_audience(&audience).unwrap(),
                None => include,
            }
        })
    }

    /// Scopes of OAuth, of every kind.
    pub fn scope() -> impl Strategy<Value = Scope> {
        let transition = select(&[Transition::Generic, Transition::ChatBsky, Transition::Email][..]);
        let identity = select(&[IdentityScope::Handle, IdentityScope::All][..]);
        prop_oneof![
            Just(Scope::Atproto),
            transition.prop_map(Scope::Transition),
            identity.prop_map(Scope::Identity),
            repo().prop_map(Scope::Repo),
            rpc().prop_map(Scope::Rpc),
            blob().prop_map(Scope::Blob),
            account().prop_map(Scope::Account),
            include().prop_map(Scope::Include),
        ]
    }

    /// Sets of up to so many scopes, with `atproto`.
    pub fn scope_set(most: usize) -> impl Strategy<Value = ScopeSet> {
        btree_set(scope(), 0..=most).prop_map(|scopes| {
            let mut set = ScopeSet::default();
            set.insert(Scope::Atproto);
            scopes.into_iter().for_each(|scope| set.insert(scope));
            set
        })
    }

    atproto_lexicon::impl_arbitrary! {
        Scope: scope();
        ScopeSet: scope_set(6);
    }
}
