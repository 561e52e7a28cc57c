//! DID documents (<https://atproto.com/specs/did#did-documents>), read tolerantly: what is malformed or of an unknown kind is
//! passed over, and the first entry that is valid counts.

use atproto_crypto::{Curve, PublicKey};
use atproto_lexicon::syntax::{Did, Handle};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

/// A DID document, as far as AT Protocol reads it.
///
/// That [`id`](Self::id) is the DID that was asked for is the caller's to check.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DidDocument {
    /// The DID that the document says it is of.
    pub id: Did,
    /// Other names, an account's handle among them; null and absent count as none, as in the lists below.
    #[serde(default, deserialize_with = "tolerant_list")]
    pub also_known_as: Vec<String>,
    /// Public keys.
    #[serde(default, deserialize_with = "tolerant_list")]
    pub verification_method: Vec<VerificationMethod>,
    /// Services, an account's PDS among them.
    #[serde(default, deserialize_with = "tolerant_list")]
    pub service: Vec<Service>,
}

/// A public key of a DID document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerificationMethod {
    /// Its name: `#atproto`, or with the DID in front.
    pub id: String,
    /// What kind of key it is, such as `Multikey`.
    #[serde(rename = "type")]
    pub method_type: String,
    /// The DID that controls it.
    pub controller: String,
    /// The key.
    pub public_key_multibase: String,
}

/// A service of a DID document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Its name: `#atproto_pds`, or with the DID in front.
    pub id: String,
    /// What kind of service it is, such as `AtprotoPersonalDataServer`.
    #[serde(rename = "type")]
    pub service_type: String,
    /// Its URL; `None` where the document has something else there.
    #[serde(default, deserialize_with = "tolerant_text")]
    pub service_endpoint: Option<String>,
}

impl DidDocument {
    /// Reads a document.
    ///
    /// # Errors
    /// Where it is not a JSON object with a DID as `id`.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(bytes)?;
        serde_json::from_value(object.into())
    }

    /// A document of this DID with nothing in it yet: see [`with_handle`](Self::with_handle), [`with_key`](Self::with_key),
    /// [`with_service`](Self::with_service).
    ///
    /// ```
    /// use atproto_crypto::{Curve, SecretKey};
    /// use atproto_identity::DidDocument;
    ///
    /// let key = SecretKey::from_hex(Curve::P256, &"17".repeat(32))?.public_key();
    /// let document = DidDocument::new("did:web:example.com".parse()?)
    ///     .with_handle(&"example.com".parse()?)
    ///     .with_key("atproto", &key)
    ///     .with_service("atproto_pds", "AtprotoPersonalDataServer", "https://pds.example.com");
    /// assert_eq!(DidDocument::from_json(document.to_json().to_string().as_bytes())?, document);
    /// assert_eq!((document.signing_key(), document.pds()), (Some(key), Some("https://pds.example.com")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(id: Did) -> Self {
        Self { id, also_known_as: Vec::new(), verification_method: Vec::new(), service: Vec::new() }
    }

    /// Adds a handle as an alias.
    #[must_use]
    pub fn with_handle(mut self, handle: &Handle) -> Self {
        self.also_known_as.push(format!("at://{}", handle.to_normalized()));
        self
    }

    /// Adds a key of this name (without `#`), as a `Multikey`.
    #[must_use]
    pub fn with_key(self, name: &str, key: &PublicKey) -> Self {
        self.with_method(name, "Multikey", key.to_multikey())
    }

    /// Adds a key of this name in the legacy form: a type for each curve, and the bare uncompressed point.
    #[must_use]
    pub fn with_legacy_key(self, name: &str, key: &PublicKey) -> Self {
        self.with_method(name, key.curve().legacy_method(), key.to_legacy_multibase())
    }

    fn with_method(mut self, name: &str, method_type: &str, public_key_multibase: String) -> Self {
        self.verification_method.push(VerificationMethod {
            id: format!("{}#{name}", self.id),
            method_type: method_type.to_owned(),
            controller: self.id.to_string(),
            public_key_multibase,
        });
        self
    }

    /// Adds a service of this name (without `#`).
    #[must_use]
    pub fn with_service(mut self, name: &str, service_type: &str, endpoint: &str) -> Self {
        self.service.push(Service {
            id: format!("#{name}"),
            service_type: service_type.to_owned(),
            service_endpoint: Some(endpoint.to_owned()),
        });
        self
    }

    /// The document as JSON, as a did:web's host serves it and a directory shows it, with the contexts of its key types.
    pub fn to_json(&self) -> serde_json::Value {
        let mut contexts = vec!["https://www.w3.org/ns/did/v1"];
        let methods = self.verification_method.iter();
        for context in
            methods.flat_map(|method| contexts_of(&method.method_type, &method.public_key_multibase))
        {
            if !contexts.contains(&context) {
                contexts.push(context);
            }
        }
        serde_json::json!({
            "@context": contexts,
            "id": self.id,
            "alsoKnownAs": self.also_known_as,
            "verificationMethod": self.verification_method,
            "service": self.service,
        })
    }

    /// The key that signs the account's commits: [`key`](Self::key) `atproto`.
    pub fn signing_key(&self) -> Option<PublicKey> {
        self.key("atproto")
    }

    /// The key that signs a labeler's labels: [`key`](Self::key) `atproto_label`. There is no other in its place.
    pub fn labeler_key(&self) -> Option<PublicKey> {
        self.key("atproto_label")
    }

    /// The first key of this name which the DID itself controls and whose type is known.
    pub fn key(&self, name: &str) -> Option<PublicKey> {
        let named = self.verification_method.iter().filter(|method| self.is_named(&method.id, name));
        let own = named.filter(|method| method.controller == self.id.as_str());
        own.filter_map(|method| {
            PublicKey::from_verification_method(&method.method_type, &method.public_key_multibase).ok()
        })
        .next()
    }

    /// The URL of the account's PDS, without a slash at its end: [`endpoint`](Self::endpoint) `atproto_pds` of the type
    /// `AtprotoPersonalDataServer`.
    pub fn pds(&self) -> Option<&str> {
        self.endpoint("atproto_pds", "AtprotoPersonalDataServer")
    }

    /// The URL of a labeler, without a slash at its end: [`endpoint`](Self::endpoint) `atproto_labeler` of the type
    /// `AtprotoLabeler`.
    pub fn labeler(&self) -> Option<&str> {
        self.endpoint("atproto_labeler", "AtprotoLabeler")
    }

    /// The URL of the first service of this name (without `#`) and type, without a slash at its end. `None` where there is none,
    /// or its URL has more than a scheme (`https`, or `http` for development), a host and a port.
    pub fn endpoint(&self, name: &str, service_type: &str) -> Option<&str> {
        let mut services = self.service.iter().filter(|service| self.is_named(&service.id, name));
        let service = services.find(|service| service.service_type == service_type)?;
        origin(service.service_endpoint.as_deref()?)
    }

    /// The first service of this name (without `#`), of whichever type: what a proxied request names after the DID.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.service.iter().find(|service| self.is_named(&service.id, name))
    }

    /// The handle that the document claims, in lower case: the first alias `at://…` with a syntactically valid one. Until
    /// the handle resolves to this DID in turn, it is a claim.
    pub fn handle(&self) -> Option<Handle> {
        let handles =
            self.also_known_as.iter().filter_map(|alias| alias.strip_prefix("at://")?.parse::<Handle>().ok());
        handles.map(|handle| handle.to_normalized()).next()
    }

    /// Whether an `id` is this name, alone or after this document's DID.
    fn is_named(&self, id: &str, name: &str) -> bool {
        id.strip_prefix(self.id.as_str()).unwrap_or(id).strip_prefix('#') == Some(name)
    }
}

/// What the type of a key means is said elsewhere.
fn contexts_of(method_type: &str, public_key_multibase: &str) -> Vec<&'static str> {
    let curve = PublicKey::from_verification_method(method_type, public_key_multibase).map(|key| key.curve());
    let suite = match curve {
        Ok(Curve::P256) => Some("https://w3id.org/security/suites/ecdsa-2019/v1"),
        Ok(Curve::K256) => Some("https://w3id.org/security/suites/secp256k1-2019/v1"),
        Err(_) => None,
    };
    let multikey = (method_type == "Multikey").then_some("https://w3id.org/security/multikey/v1");
    multikey.into_iter().chain(suite).collect()
}

/// A list of which the entries that are not a `T` are passed over; what is no list is an empty one.
fn tolerant_list<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Array(list) => {
            // A derived type would take an array for an object, too.
            let objects = list.into_iter().filter(|entry| !entry.is_array());
            objects.filter_map(|entry| serde_json::from_value(entry).ok()).collect()
        }
        _ => Vec::new(),
    })
}

/// A text; `None` where it is something else.
fn tolerant_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Some(text),
        _ => None,
    })
}

/// A URL of scheme, host and optional port, less one slash at its end.
fn origin(url: &str) -> Option<&str> {
    let url = url.strip_suffix('/').unwrap_or(url);
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    // The brackets of an IPv6 address hold colons of their own.
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (None, port.is_empty().then_some(None).or_else(|| port.strip_prefix(':').map(Some))?)
        }
        None => match rest.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(rest), None),
        },
    };
    let is_host = |host: &str| {
        let is_label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        host.len() <= 253 && host.split('.').all(is_label)
    };
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    (host.is_none_or(is_host) && port.is_none_or(is_port)).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MULTIKEY: &str = "zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF";

    fn document(fields: &str) -> DidDocument {
        DidDocument::from_json(format!(r#"{{"id":"did:web:a.test",{fields}}}"#).as_bytes()).unwrap()
    }

    fn method(id: &str, method_type: &str, controller: &str, key: &str) -> String {
        format!(
            r#"{{"id":"{id}","type":"{method_type}","controller":"{controller}","publicKeyMultibase":"{key}"}}"#
        )
    }

    fn has_key(methods: &[String]) -> bool {
        let document = document(&format!(r#""verificationMethod":[{}]"#, methods.join(",")));
        document.signing_key() == PublicKey::from_multikey(MULTIKEY).ok()
    }

    #[test]
    fn the_first_valid_key_counts() {
        let good = method("#atproto", "Multikey", "did:web:a.test", MULTIKEY);
        assert!(has_key(std::slice::from_ref(&good)));
        assert!(has_key(&[method("did:web:a.test#atproto", "Multikey", "did:web:a.test", MULTIKEY)]));
        let passed_over = [
            "null".to_owned(),
            r##"{"id":"#atproto"}"##.to_owned(),
            method("#atproto_label", "Multikey", "did:web:a.test", MULTIKEY),
            method("did:web:b.test#atproto", "Multikey", "did:web:a.test", MULTIKEY),
            method("atproto", "Multikey", "did:web:a.test", MULTIKEY),
            method("#atproto", "Multikey", "did:web:b.test", MULTIKEY),
            method("#atproto", "JsonWebKey2020", "did:web:a.test", MULTIKEY),
            method(
                "#atproto",
                "Multikey",
                "did:web:a.test",
                "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
            ),
            method("#atproto", "Multikey", "did:web:a.test", "zz"),
        ];
        for entry in &passed_over {
            assert!(!has_key(std::slice::from_ref(entry)), "{entry}");
            assert!(has_key(&[entry.clone(), good.clone()]), "{entry}");
        }
    }

    #[test]
    fn services_are_found_by_name() {
        let key = PublicKey::from_multikey(MULTIKEY).unwrap();
        let did: Did = "did:web:a.test".parse().unwrap();
        let made = DidDocument::new(did)
            .with_legacy_key("atproto_label", &key)
            .with_service("atproto_labeler", "AtprotoLabeler", "https://labels.a.test/")
            .with_service("bsky_fg", "BskyFeedGenerator", "https://feeds.a.test/xrpc");
        let read = DidDocument::from_json(made.to_json().to_string().as_bytes()).unwrap();
        assert_eq!(read, made);
        assert_eq!((read.labeler(), read.labeler_key()), (Some("https://labels.a.test"), Some(key)));
        assert_eq!(read.service("bsky_fg").unwrap().service_type, "BskyFeedGenerator");
        assert_eq!((read.service("bsky_f"), read.service("#bsky_fg"), read.pds()), (None, None, None));
        // That of a labeler is of its type, and a service has a whole URL all the same.
        assert_eq!(read.endpoint("atproto_labeler", "Other"), None);
        assert_eq!(read.endpoint("bsky_fg", "BskyFeedGenerator"), None);
        assert_eq!(
            made.to_json()["@context"],
            serde_json::json!([
                "https://www.w3.org/ns/did/v1",
                "https://w3id.org/security/suites/secp256k1-2019/v1",
            ])
        );
        let with_did = document(
            r#""service":[{"id":"did:web:a.test#atproto_pds","type":"AtprotoPersonalDataServer","serviceEndpoint":"https://pds.test"}]"#,
        );
        assert_eq!(with_did.pds(), Some("https://pds.test"));
    }

    #[test]
    fn absent_and_null_lists_are_empty() {
        for fields in [r#""x":1"#, r#""alsoKnownAs":null,"verificationMethod":null,"service":null"#] {
            let document = document(fields);
            assert_eq!((document.signing_key(), document.pds(), document.handle()), (None, None, None));
        }
        // What is of another kind altogether is passed over as well; a document is an object, though.
        let other = document(r#""alsoKnownAs":"at://a.test","verificationMethod":{},"service":{}"#);
        assert_eq!((other.signing_key(), other.pds(), other.handle()), (None, None, None));
        assert!(DidDocument::from_json(br#"["did:web:a.test",["at://a.test"],[],[]]"#).is_err());
        assert!(DidDocument::from_json(b"{}").is_err());
        assert!(DidDocument::from_json(br#"{"id":"example.com"}"#).is_err());
    }

    #[test]
    fn the_first_valid_handle_counts() {
        let handle = |aliases: &str| document(&format!(r#""alsoKnownAs":[{aliases}]"#)).handle();
        assert_eq!(
            handle(r#"3,"https://x.test","at://","at://A.Test","at://b.test""#),
            "a.test".parse().ok()
        );
        assert_eq!(handle(r#""at://a.test/path""#), None);
    }

    #[test]
    fn the_first_pds_counts_even_where_its_url_is_none() {
        let service = |endpoint: &str| {
            format!(r##"{{"id":"#atproto_pds","type":"AtprotoPersonalDataServer"{endpoint}}}"##)
        };
        let good = service(r#","serviceEndpoint":"https://second.test""#);
        let pds =
            |first: &str| document(&format!(r#""service":[{first},{good}]"#)).pds().map(ToOwned::to_owned);
        assert_eq!(pds("null").as_deref(), Some("https://second.test"));
        assert_eq!(
            pds(r##"["#atproto_pds","AtprotoPersonalDataServer","https://x.test"]"##).as_deref(),
            Some("https://second.test")
        );
        for endpoint in ["", r#","serviceEndpoint":{"uri":"https://x.test"}"#, r#","serviceEndpoint":null"#] {
            assert_eq!(pds(&service(endpoint)), None, "{endpoint}");
        }
    }

    #[test]
    fn a_bad_url_means_no_pds() {
        let pds = |url: &str| {
            let service = |id: &str, kind: &str, url: &str| {
                format!(r#"{{"id":"{id}","type":"{kind}","serviceEndpoint":"{url}"}}"#)
            };
            let services = [
                service("#atproto_pds", "Other", "https://other.test"),
                service("#other", "AtprotoPersonalDataServer", "https://other.test"),
                service("#atproto_pds", "AtprotoPersonalDataServer", url),
                service("#atproto_pds", "AtprotoPersonalDataServer", "https://second.test"),
            ];
            document(&format!(r#""service":[{}]"#, services.join(","))).pds().map(str::to_owned)
        };
        for good in [
            "https://a.test",
            "https://a.test:8443",
            "http://localhost:2583",
            "https://[::1]:1",
            "https://1.2.3.4",
        ] {
            assert_eq!(pds(good).as_deref(), Some(good));
            assert_eq!(pds(&format!("{good}/")).as_deref(), Some(good));
        }
        let bad = [
            "",
            "a.test",
            "ftp://a.test",
            "https://",
            "https://a.test//",
            "https://a.test/x",
            "https://a.test?x",
            "https://a.test#x",
            "https://u@a.test",
            "https://a.test:",
            "https://a.test:x",
            "https://a.test:99999",
            "https://a..test",
            "https://[::1",
            "https://[x]",
            "https://[::1]x",
            "https://a_b.test",
            "https://a.test:+1",
        ];
        for bad in bad {
            assert_eq!(pds(bad), None, "{bad}");
        }
    }
}
