//! Logs with one defect each, and documents with what must be read in them.

use super::plc::{at, data, key, log_of, tombstone, update};
use crate::plc::{LegacyCreate, Operation, UnsignedOperation};
use atproto_crypto::testing::{der, high_s};
use atproto_crypto::{Curve, SecretKey};
use atproto_lexicon::data::{Cid, cbor, json as data_json, sha256};
use atproto_lexicon::syntax::Did;
use atproto_lexicon::testing::Hostile;
use atproto_lexicon::testing::Verdict::{Invalid, Valid};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

/// An audit log as the directory gives it, and the DID that it is said to be of.
#[derive(Debug, Clone)]
pub struct LogCase {
    /// The DID.
    pub did: Did,
    /// A list of entries, or something else.
    pub log: Value,
}

const HOUR: i64 = 3600;

/// Signed although it should not be made.
fn forced(unsigned: UnsignedOperation, signer: &SecretKey) -> Operation {
    let sig = BASE64URL_NOPAD.encode(signer.sign(&unsigned.to_bytes()).as_bytes());
    Operation { unsigned, sig }
}

fn case_of(log: &[(Operation, i64)]) -> LogCase {
    let log = log_of(log);
    LogCase { did: log[0].did.clone(), log: serde_json::to_value(&log).unwrap() }
}

/// Audit logs of did:plc.
pub fn logs() -> Vec<Hostile<LogCase>> {
    // Keys 0, 1 and 2, in falling authority; the genesis is signed by the last.
    let genesis = || update(&[0, 1, 2], None, 2);
    let first = genesis().cid();
    let after = |more: Vec<(Operation, i64)>| case_of(&[vec![(genesis(), 0)], more].concat());
    let next = |keys: &[u8], signer: u8| update(keys, Some(first), signer);
    let second = next(&[0, 1, 2], 2);
    let two = || after(vec![(second.clone(), HOUR)]);
    // The log of two operations, changed.
    let with = |change: &dyn Fn(&mut Value)| {
        let mut case = two();
        change(&mut case.log);
        case
    };
    // The second operation changed, with a right CID; and as its signer would have signed it.
    let operation = |name: &str, value: Value| {
        with(&|log| {
            log[1]["operation"][name] = value.clone();
            log[1]["cid"] = cid_of(&log[1]["operation"]).into();
        })
    };
    let signed = |name: &str, value: Value| {
        with(&|log| {
            let operation = log[1]["operation"].as_object_mut().unwrap();
            operation.insert(name.to_owned(), value.clone());
            operation.remove("sig");
            let signature = key(2).sign(&encoded(&operation.clone().into()));
            operation.insert("sig".to_owned(), BASE64URL_NOPAD.encode(signature.as_bytes()).into());
            log[1]["cid"] = cid_of(&log[1]["operation"]).into();
        })
    };
    let sig = |make: &dyn Fn(&[u8; 64]) -> String| {
        let unsigned = UnsignedOperation::Update { data: data(&[0, 1, 2]), prev: Some(first) };
        let right = *key(2).sign(&unsigned.to_bytes()).as_bytes();
        after(vec![(Operation { unsigned, sig: make(&right) }, HOUR)])
    };
    let state = |change: &dyn Fn(&mut crate::plc::Data)| {
        let mut data = data(&[0, 1, 2]);
        change(&mut data);
        after(vec![(forced(UnsignedOperation::Update { data, prev: Some(first) }, &key(2)), HOUR)])
    };
    let recovery = |signer: u8, undone_by: u8, hours: i64, later: i64| {
        let undone = next(&[5], undone_by);
        after(vec![(undone, hours * HOUR), (next(&[0, 1, 2], signer), hours * HOUR + later)])
    };
    let limit = 72 * HOUR;
    let create = UnsignedOperation::Create(LegacyCreate {
        signing_key: key(1).public_key().to_did_key(),
        recovery_key: key(0).public_key().to_did_key(),
        handle: "alice.example.com".to_owned(),
        service: "pds.example.com".to_owned(),
    });
    let legacy = |signer: u8| case_of(&[(forced(create.clone(), &key(signer)), 0)]);
    let self_signed =
        case_of(&[(forced(UnsignedOperation::Update { data: data(&[0]), prev: None }, &key(3)), 0)]);
    let mut of_another = two();
    of_another.did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse().unwrap();
    for entry in of_another.log.as_array_mut().unwrap() {
        entry["did"] = of_another.did.as_str().into();
    }
    let stone = tombstone(first, 2);
    let stone_cid = stone.cid();
    let all = [
        (true, "genesis", case_of(&[(genesis(), 0)])),
        (true, "genesis and an update", two()),
        (true, "genesis of the oldest form, by its recovery key", legacy(0)),
        (true, "genesis of the oldest form, by its signing key", legacy(1)),
        (true, "end", after(vec![(stone.clone(), 1)])),
        (true, "end that was undone", after(vec![(stone.clone(), 1), (next(&[0], 0), 2)])),
        (true, "recovery by a higher key", recovery(1, 2, 1, HOUR)),
        (true, "recovery by the highest key after exactly 72 hours", recovery(0, 1, 1, limit)),
        (
            true,
            "method that is not of these curves",
            state(&|data| {
                drop(
                    data.verification_methods.insert(
                        "x".into(),
                        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK".into(),
                    ),
                )
            }),
        ),
        (
            true,
            "ten rotation keys",
            state(&|data| {
                data.rotation_keys = (0..10).map(|number| key(number).public_key().to_did_key()).collect()
            }),
        ),
        (
            true,
            "rotation key twice",
            state(&|data| data.rotation_keys.push(key(0).public_key().to_did_key())),
        ),
        (true, "no rotation keys", state(&|data| data.rotation_keys.clear())),
        (false, "no entries", LogCase { did: genesis().did().unwrap(), log: json!([]) }),
        (false, "object", LogCase { did: genesis().did().unwrap(), log: json!({}) }),
        (false, "of another DID", of_another),
        (
            false,
            "entry of another DID",
            with(&|log| log[1]["did"] = "did:plc:ewvi7nxzyoun6zhxrhs64oiz".into()),
        ),
        (false, "update first", case_of_update()),
        (false, "genesis twice", after(vec![(genesis(), 1)])),
        (false, "genesis by a stranger", self_signed),
        (false, "update by a stranger", after(vec![(next(&[3], 3), 1)])),
        (
            false,
            "update by a key that is no longer one",
            after(vec![(next(&[1], 0), 1), (update(&[0], Some(next(&[1], 0).cid()), 0), 2)]),
        ),
        (
            false,
            "update on what is not there",
            after(vec![(update(&[0], Some(Cid::of_dag_cbor(b"")), 0), 1)]),
        ),
        (
            false,
            "update after the end",
            after(vec![(stone.clone(), 1), (update(&[0], Some(stone_cid), 0), 2)]),
        ),
        (false, "end twice", after(vec![(stone, 1), (tombstone(stone_cid, 0), 2)])),
        (false, "recovery by the same key", recovery(1, 1, 1, HOUR)),
        (false, "recovery by a lower key", recovery(2, 1, 1, HOUR)),
        (false, "recovery a second after 72 hours", recovery(0, 1, 1, limit + 1)),
        (false, "update on what was undone", {
            let undone = next(&[5], 2);
            let more = update(&[6], Some(undone.cid()), 5);
            after(vec![(undone, 1), (next(&[0], 0), 2), (more, 3)])
        }),
        (false, "undone operation that is not called so", {
            let mut case = recovery(1, 2, 1, HOUR);
            case.log[1]["nullified"] = false.into();
            case
        }),
        (false, "operation that is called undone", with(&|log| log[1]["nullified"] = true.into())),
        (false, "same time twice", after(vec![(second.clone(), 0)])),
        (false, "time before the one before", after(vec![(second.clone(), -1)])),
        (false, "time that is none", with(&|log| log[1]["createdAt"] = "2026-01-02".into())),
        (false, "another CID", with(&|log| log[1]["cid"] = log[0]["cid"].clone())),
        (false, "no CID", with(&|log| drop(log[1].as_object_mut().unwrap().remove("cid")))),
        (
            false,
            "another state than was signed",
            operation("alsoKnownAs", json!(["at://mallory.example.com"])),
        ),
        (false, "unknown field in the operation", signed("future", json!(1))),
        (false, "unknown type of operation", signed("type", "plc_other".into())),
        (
            false,
            "no signature",
            with(&|log| {
                log[1]["operation"].as_object_mut().unwrap().remove("sig");
                log[1]["cid"] = cid_of(&log[1]["operation"]).into();
            }),
        ),
        (false, "previous operation as a link", signed("prev", json!({"$link": first.to_string()}))),
        (false, "high S", sig(&|right| BASE64URL_NOPAD.encode(&high_s(Curve::K256, right)))),
        (false, "signature in DER", sig(&|right| BASE64URL_NOPAD.encode(&der(right)))),
        (false, "signature with padding", sig(&|right| BASE64URL_NOPAD.encode(right) + "==")),
        (false, "signature with a newline", sig(&|right| BASE64URL_NOPAD.encode(right) + "\n")),
        (false, "signature in hexadecimal", sig(&|right| data_encoding::HEXLOWER.encode(right))),
        (
            false,
            "signature with spare bits",
            sig(&|right| {
                let text = BASE64URL_NOPAD.encode(right);
                let last = char::from(text.as_bytes()[85] + 1);
                format!("{}{last}", &text[..85])
            }),
        ),
        (false, "empty signature", sig(&|_| String::new())),
        (
            false,
            "eleven rotation keys",
            state(&|data| {
                data.rotation_keys = (0..11).map(|number| key(number).public_key().to_did_key()).collect()
            }),
        ),
        (
            false,
            "rotation key that is none",
            state(&|data| data.rotation_keys.push("did:key:zQ3sh".to_owned())),
        ),
        (
            false,
            "rotation key of Ed25519",
            state(&|data| {
                data.rotation_keys.push("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK".to_owned())
            }),
        ),
        (
            false,
            "method that is no key",
            state(&|data| drop(data.verification_methods.insert("x".into(), "did:web:a.example".into()))),
        ),
        (false, "more than 7,500 bytes", state(&|data| data.also_known_as.push("a".repeat(7500)))),
        (false, "genesis of the oldest form, by a stranger", legacy(2)),
    ];
    let case = |(is_valid, name, case)| Hostile::new(name, case, if is_valid { Valid } else { Invalid });
    all.into_iter().map(case).collect()
}

fn encoded(operation: &Value) -> Vec<u8> {
    cbor::to_vec(&data_json::from_str(&operation.to_string()).unwrap()).unwrap()
}

fn cid_of(operation: &Value) -> String {
    Cid::of_dag_cbor(&encoded(operation)).to_string()
}

/// What begins with an update has no genesis, although the DID is made of its hash.
fn case_of_update() -> LogCase {
    let operation = update(&[0], Some(Cid::of_dag_cbor(b"")), 0);
    let hash = data_encoding::BASE32_NOPAD.encode(&sha256(&operation.to_bytes())).to_ascii_lowercase();
    let did: Did = format!("did:plc:{}", &hash[..24]).parse().unwrap();
    let entry = json!({
        "did": did, "cid": operation.cid().to_string(), "nullified": false, "createdAt": at(0),
        "operation": operation,
    });
    LogCase { did, log: json!([entry]) }
}

/// A DID document, and what must be read in it.
#[derive(Debug, Clone)]
pub struct DocumentCase {
    /// What is particular about it; no two are the same.
    pub name: String,
    /// The document.
    pub document: Value,
    /// The handle that it claims.
    pub handle: Option<String>,
    /// The URL of the account's PDS.
    pub pds: Option<String>,
    /// The key that signs the account's commits, as did:key.
    pub key: Option<String>,
}

/// DID documents whose every defect is passed over.
pub fn documents() -> Vec<DocumentCase> {
    let did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
    let (public, other) = (key(0).public_key(), key(1).public_key());
    let method = |id: &str, kind: &str, controller: &str, multibase: String| json!({"id": id, "type": kind, "controller": controller, "publicKeyMultibase": multibase});
    let multikey = |key: &atproto_crypto::PublicKey| {
        method(&format!("{did}#atproto"), "Multikey", did, key.to_multikey())
    };
    let service = |id: &str, kind: &str, url: Value| json!({"id": id, "type": kind, "serviceEndpoint": url});
    let pds = |url: &str| service("#atproto_pds", "AtprotoPersonalDataServer", url.into());
    let whole = || {
        json!({
            "@context": ["https://www.w3.org/ns/did/v1"], "id": did, "alsoKnownAs": ["at://alice.example.com"],
            "verificationMethod": [multikey(&public)], "service": [pds("https://pds.example.com")],
        })
    };
    let (handle, url, signer) = ("alice.example.com", "https://pds.example.com", public.to_did_key());
    let with = |name: &str, field: &str, value: Value, read: [Option<&str>; 3]| {
        let mut document = whole();
        document[field] = value;
        let [handle, pds, key] = read.map(|text| text.map(String::from));
        DocumentCase { name: name.to_owned(), document, handle, pds, key }
    };
    let handles = |name: &str, value: Value, read: Option<&str>| {
        with(name, "alsoKnownAs", value, [read, Some(url), Some(&signer)])
    };
    let keys = |name: &str, value: Value, read: Option<&str>| {
        with(name, "verificationMethod", value, [Some(handle), Some(url), read])
    };
    let services = |name: &str, value: Value, read: Option<&str>| {
        with(name, "service", value, [Some(handle), read, Some(&signer)])
    };
    let signed = Some(&*signer);
    let uncompressed = public.to_legacy_multibase();
    let odd = |url: &str| json!([pds(url)]);
    vec![
        handles("as it should be", json!(["at://alice.example.com"]), Some(handle)),
        handles("upper-case handle", json!(["at://ALICE.example.com"]), Some(handle)),
        handles(
            "other names first",
            json!(["https://alice.example.com", "at://not a handle", "at://alice.example.com"]),
            Some(handle),
        ),
        handles("two handles", json!(["at://alice.example.com", "at://bob.example.com"]), Some(handle)),
        handles("no names", json!([]), None),
        handles("names that are null", Value::Null, None),
        handles("names that are text", json!("at://alice.example.com"), None),
        handles("name that is a number", json!([1, "at://alice.example.com"]), Some(handle)),
        handles("handle with a path", json!(["at://alice.example.com/x"]), None),
        handles("DID as a name", json!(["at://did:plc:ewvi7nxzyoun6zhxrhs64oiz"]), None),
        keys(
            "key with its name alone",
            json!([method("#atproto", "Multikey", did, public.to_multikey())]),
            signed,
        ),
        keys(
            "legacy key",
            json!([method("#atproto", "EcdsaSecp256k1VerificationKey2019", did, uncompressed.clone())]),
            signed,
        ),
        keys(
            "legacy key under the other curve's type",
            json!([method("#atproto", "EcdsaSecp256r1VerificationKey2019", did, uncompressed)]),
            None,
        ),
        keys(
            "unknown type of key first",
            json!([
                method(
                    "#atproto",
                    "Ed25519VerificationKey2020",
                    did,
                    "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK".into()
                ),
                multikey(&public)
            ]),
            signed,
        ),
        keys("two keys", json!([multikey(&public), multikey(&other)]), signed),
        keys(
            "key that is none first",
            json!([method("#atproto", "Multikey", did, "zQ3sh".into()), multikey(&public)]),
            signed,
        ),
        keys(
            "key of another controller first",
            json!([
                method("#atproto", "Multikey", "did:web:a.example", other.to_multikey()),
                multikey(&public)
            ]),
            signed,
        ),
        keys("key of another name", json!([method("#other", "Multikey", did, public.to_multikey())]), None),
        keys(
            "key of another DID",
            json!([method("did:web:a.example#atproto", "Multikey", did, public.to_multikey())]),
            None,
        ),
        keys(
            "key without a hash sign",
            json!([method("atproto", "Multikey", did, public.to_multikey())]),
            None,
        ),
        keys("keys that are null", Value::Null, None),
        keys("key that is null", json!([null, multikey(&public)]), signed),
        services(
            "service with the DID in front",
            json!([service(&format!("{did}#atproto_pds"), "AtprotoPersonalDataServer", url.into())]),
            Some(url),
        ),
        services("one slash at the end", odd("https://pds.example.com/"), Some(url)),
        services("port", odd("https://pds.example.com:8443"), Some("https://pds.example.com:8443")),
        services("path", odd("https://pds.example.com/xrpc"), None),
        services("query", odd("https://pds.example.com?x"), None),
        services("user", odd("https://u@pds.example.com"), None),
        services("other scheme", odd("ftp://pds.example.com"), None),
        services("no scheme", odd("pds.example.com"), None),
        services("no host", odd("https://"), None),
        services(
            "URL that is an object",
            json!([service("#atproto_pds", "AtprotoPersonalDataServer", json!({"uri": url}))]),
            None,
        ),
        services("other type of service", json!([service("#atproto_pds", "Other", url.into())]), None),
        services(
            "other type of service first",
            json!([service("#atproto_pds", "Other", "https://a.example".into()), pds(url)]),
            Some(url),
        ),
        services(
            "other service first",
            json!([service("#x", "AtprotoPersonalDataServer", "https://a.example".into()), pds(url)]),
            Some(url),
        ),
        services("two services", json!([pds(url), pds("https://a.example")]), Some(url)),
        services("bad URL before a good one", json!([pds("https://pds.example.com/x"), pds(url)]), None),
        services("no services", json!([]), None),
    ]
}
