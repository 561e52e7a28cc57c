//! What servers and clients publish.

use super::world::{CLIENT, ISSUER, PDS, REDIRECT, resource_metadata, server_metadata};
use atproto_crypto::{Curve, SecretKey};
use atproto_lexicon::http::{Bytes, Response};
use atproto_xrpc::ServiceUrl;
use atproto_xrpc::auth::FieldFault;
use atproto_xrpc::auth::oauth::{
    ApplicationType, ClientAuthentication, ClientMetadata, ClientMetadataFault, Issuer, MetadataError,
    PublicKeys, ResourceMetadata, ServerMetadata,
};
use atproto_xrpc::auth::scope::ScopeSet;
use serde_json::{Value as Json, json};

fn response(json: &Json) -> Response<Bytes> {
    let response = Response::builder().header("content-type", "application/json; charset=utf-8");
    response.body(json.to_string().into()).unwrap()
}

fn server(json: &Json) -> Result<ServerMetadata, MetadataError> {
    ServerMetadata::read(&ISSUER.parse().unwrap(), &response(json))
}

/// A captured document; `None` where it is not there.
fn captured(name: &str) -> Option<Json> {
    let path = testdata::root().join("conformance/oauth-metadata").join(name);
    let text = std::fs::read(&path).ok();
    assert!(text.is_some() || !testdata::is_required(), "{} is missing", path.display());
    Some(serde_json::from_slice(&text?).unwrap())
}

#[test]
fn the_documents_of_the_network_are_good() {
    for name in ["bsky-entryway-authorization-server.json", "indie-authorization-server.json"] {
        let Some(json) = captured(name) else { return };
        let issuer: Issuer = json["issuer"].as_str().unwrap().parse().unwrap();
        let metadata = ServerMetadata::read(&issuer, &response(&json)).unwrap();
        assert_eq!(metadata.par_endpoint.to_string(), format!("{issuer}/oauth/par"));
        assert_eq!(metadata.scopes_supported, ["atproto", "transition:generic", "transition:chat.bsky"]);
    }
    for (name, issuer) in [
        ("indie-protected-resource.json", "https://pds.robocracy.org"),
        ("morel-protected-resource.json", "https://bsky.social"),
    ] {
        let json = captured(name).unwrap();
        let pds = ServiceUrl::parse(json["resource"].as_str().unwrap()).unwrap();
        let metadata = ResourceMetadata::read(&pds, &response(&json)).unwrap();
        assert_eq!(metadata.authorization_server.as_str(), issuer);
    }
    for name in ["flaskdemo", "smokesignal", "statusphere"] {
        let json = captured(&format!("{name}-client-metadata.json")).unwrap();
        let id = json["client_id"].as_str().unwrap();
        let metadata = ClientMetadata::from_json(id, json.to_string().as_bytes()).unwrap();
        assert!(metadata.refreshes && metadata.scope.has_atproto());
        let again = ClientMetadata::from_json(id, metadata.to_json().to_string().as_bytes());
        assert_eq!(again, Ok(metadata));
    }
}

#[test]
fn each_rule_of_a_server_refuses_what_only_it_refuses() {
    assert!(server(&server_metadata()).is_ok());
    let with = |name: &str, value: Json| {
        let mut json = server_metadata();
        json[name] = value;
        server(&json)
    };
    let without = |name: &str| {
        let mut json = server_metadata();
        json.as_object_mut().unwrap().remove(name);
        server(&json)
    };
    for (field, value) in [
        ("response_types_supported", "code"),
        ("grant_types_supported", "authorization_code"),
        ("grant_types_supported", "refresh_token"),
        ("code_challenge_methods_supported", "S256"),
        ("token_endpoint_auth_methods_supported", "none"),
        ("token_endpoint_auth_methods_supported", "private_key_jwt"),
        ("token_endpoint_auth_signing_alg_values_supported", "ES256"),
        ("scopes_supported", "atproto"),
        ("dpop_signing_alg_values_supported", "ES256"),
    ] {
        let left: Vec<Json> =
            server_metadata()[field].as_array().unwrap().iter().filter(|v| **v != value).cloned().collect();
        assert_eq!(with(field, left.into()), Err(MetadataError::Lacks { field, value }));
        assert_eq!(without(field), Err(FieldFault::Missing(field).into()));
        for bad in [json!(value), json!([1]), json!(null)] {
            assert_eq!(with(field, bad), Err(FieldFault::Malformed(field).into()));
        }
    }
    let algorithms = "token_endpoint_auth_signing_alg_values_supported";
    let has = MetadataError::Has { field: algorithms, value: "none" };
    assert_eq!(with(algorithms, json!(["ES256", "none"])), Err(has));
    for field in [
        "authorization_response_iss_parameter_supported",
        "require_pushed_authorization_requests",
        "client_id_metadata_document_supported",
    ] {
        assert_eq!(without(field), Err(MetadataError::NotTrue(field)));
        assert_eq!(with(field, json!(false)), Err(MetadataError::NotTrue(field)));
        assert_eq!(with(field, json!("true")), Err(FieldFault::Malformed(field).into()));
    }
    let registration = "require_request_uri_registration";
    assert_eq!(with(registration, json!(false)), Err(MetadataError::False(registration)));
    assert!(with(registration, json!(true)).is_ok());
    for field in ["authorization_endpoint", "token_endpoint", "pushed_authorization_request_endpoint"] {
        assert_eq!(without(field), Err(FieldFault::Missing(field).into()));
        for bad in [
            "",
            "/par",
            "http://auth.example.com/par",
            "https://u@auth.example.com",
            "https://a.example.com/#x",
        ] {
            assert_eq!(with(field, json!(bad)), Err(FieldFault::Malformed(field).into()), "{bad}");
        }
    }
    assert_eq!(without("revocation_endpoint").unwrap().revocation_endpoint, None);
    assert_eq!(without("issuer"), Err(FieldFault::Missing("issuer").into()));
    assert_eq!(with("issuer", json!("https://auth.example.com/")), Err(MetadataError::OtherIssuer));
    // A key that occurs twice is read differently by different people.
    let twice = server_metadata().to_string().replacen('{', r#"{"issuer":"https://auth.example.com","#, 1);
    let body = Response::builder().header("content-type", "application/json").body(twice.into()).unwrap();
    assert_eq!(ServerMetadata::read(&ISSUER.parse().unwrap(), &body), Err(MetadataError::NotObject));
}

#[test]
fn each_rule_of_a_resource_refuses_what_only_it_refuses() {
    let pds = ServiceUrl::parse(PDS).unwrap();
    let with = |name: &str, value: Json| {
        let mut json = resource_metadata();
        json[name] = value;
        json.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        ResourceMetadata::read(&pds, &response(&json)).map(|_| ())
    };
    assert_eq!(with("resource", json!(format!("{PDS}/"))), Ok(()));
    assert_eq!(with("resource", json!(null)), Err(FieldFault::Missing("resource").into()));
    assert_eq!(with("resource", json!("x")), Err(FieldFault::Malformed("resource").into()));
    assert_eq!(with("resource", json!(ISSUER)), Err(MetadataError::OtherResource));
    let field = "authorization_servers";
    assert_eq!(with(field, json!(null)), Err(FieldFault::Missing(field).into()));
    for bad in [json!(ISSUER), json!([1]), json!(["x"]), json!(["https://auth.example.com:443"])] {
        assert_eq!(with(field, bad), Err(FieldFault::Malformed(field).into()));
    }
}

fn key() -> SecretKey {
    SecretKey::from_bytes(Curve::P256, &[9; 32]).unwrap()
}

fn scope() -> ScopeSet {
    "atproto repo:com.example.note".parse().unwrap()
}

fn client(changes: Json) -> Result<ClientMetadata, ClientMetadataFault> {
    let mut json = ClientMetadata::public(CLIENT, [REDIRECT.to_owned()], scope()).to_json();
    for (name, value) in changes.as_object().unwrap() {
        json[name] = value.clone();
    }
    json.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    ClientMetadata::from_json(CLIENT, json.to_string().as_bytes())
}

#[test]
fn each_rule_of_a_client_refuses_what_only_it_refuses() {
    use ClientMetadataFault::*;
    let malformed = |name| Field(FieldFault::Malformed(name));
    let missing = |name| Field(FieldFault::Missing(name));
    assert!(client(json!({})).is_ok());
    let jwk = serde_json::to_value(key().to_jwk()).unwrap();
    for (changes, fault) in [
        (json!({"client_id": null}), missing("client_id")),
        (json!({"client_id": "https://other.example.com/x"}), OtherClient),
        (json!({"application_type": "desktop"}), malformed("application_type")),
        (json!({"grant_types": null}), missing("grant_types")),
        (
            json!({"grant_types": ["refresh_token"]}),
            Lacks { field: "grant_types", value: "authorization_code" },
        ),
        (json!({"response_types": null}), missing("response_types")),
        (json!({"response_types": ["token"]}), Lacks { field: "response_types", value: "code" }),
        (json!({"scope": null}), missing("scope")),
        (json!({"scope": "transition:generic"}), Lacks { field: "scope", value: "atproto" }),
        (json!({"dpop_bound_access_tokens": null}), NoDpop),
        (json!({"dpop_bound_access_tokens": false}), NoDpop),
        (json!({"redirect_uris": null}), missing("redirect_uris")),
        (json!({"redirect_uris": []}), NoRedirectUri),
        (json!({"redirect_uris": [REDIRECT, "https://evil.example.com/callback"]}), RedirectUri),
        (json!({"redirect_uris": ["https://app.example.com:443/callback"]}), RedirectUri),
        (json!({"redirect_uris": ["https://u@app.example.com/callback"]}), RedirectUri),
        (json!({"redirect_uris": ["https://app.example.com/callback#x"]}), RedirectUri),
        (json!({"redirect_uris": ["http://app.example.com/callback"]}), RedirectUri),
        (json!({"redirect_uris": ["http://127.0.0.1/callback"]}), RedirectUri),
        (json!({"redirect_uris": ["com.example.app:/callback"]}), RedirectUri),
        (json!({"application_type": "native", "redirect_uris": ["com.example.app://callback"]}), RedirectUri),
        (
            json!({"application_type": "native", "redirect_uris": ["com.example.other:/callback"]}),
            RedirectUri,
        ),
        (json!({"client_uri": "https://example.com"}), ClientUri),
        (json!({"logo_uri": "http://app.example.com/logo"}), malformed("logo_uri")),
        (json!({"tos_uri": "javascript:alert(1)"}), malformed("tos_uri")),
        (json!({"policy_uri": 1}), malformed("policy_uri")),
        (json!({"token_endpoint_auth_method": "client_secret_post"}), Authentication),
        (json!({"token_endpoint_auth_signing_alg": "none"}), Authentication),
        (json!({"token_endpoint_auth_method": "private_key_jwt"}), Keys),
        (json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": []}}), Keys),
        (
            json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": []}, "jwks_uri": "https://a.example.com"}),
            Keys,
        ),
        (
            json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://a.example.com"}),
            malformed("jwks_uri"),
        ),
        (json!({"jwks": {"keys": [jwk]}}), SecretKey),
        (json!({"jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}}), SecretKey),
        (json!({"jwks": {}}), malformed("jwks")),
    ] {
        assert_eq!(client(changes.clone()), Err(fault), "{changes}");
    }
    for changes in [
        json!({"application_type": null}),
        json!({"application_type": "native", "redirect_uris": ["com.example.app:/callback", REDIRECT]}),
        json!({"client_uri": "https://app.example.com/home", "logo_uri": "https://cdn.example.com/logo"}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://cdn.example.com/jwks"}),
        json!({"scope": "atproto space:unknown"}),
    ] {
        assert!(client(changes.clone()).is_ok(), "{changes}");
    }
    assert_eq!(ClientMetadata::from_json(CLIENT, b"[]"), Err(NotObject));
    for id in [
        "",
        "http://app.example.com/x",
        "https://app.example.com:8443/x",
        "https://app.example.com:/x",
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://u@app.example.com/x",
        "https://app.example.com/x#y",
        "http://localhost:8080",
        "http://localhost/x",
        "http://localhost.example.com",
    ] {
        assert_eq!(ClientMetadata::public(id, [REDIRECT.to_owned()], scope()).check(), Err(ClientId), "{id}");
    }
}

#[test]
fn clients_are_made_by_the_rules() {
    let key = key().public_key();
    let made =
        ClientMetadata::confidential(CLIENT, [REDIRECT.to_owned()], scope(), [("key-1".to_owned(), key)]);
    let json = made.to_json();
    assert!(!json.to_string().contains("\"d\":"));
    let read = ClientMetadata::from_json(CLIENT, json.to_string().as_bytes()).unwrap();
    assert_eq!(
        read.authentication,
        ClientAuthentication::PrivateKeyJwt(PublicKeys::Inline(vec![("key-1".to_owned(), key)]))
    );
    assert_eq!(read, made);

    let here = "http://127.0.0.1:8080/callback?a=b&c";
    let made = ClientMetadata::loopback([here.to_owned()], scope());
    assert_eq!(
        made.client_id,
        "http://localhost?redirect_uri=http://127.0.0.1:8080/callback%3Fa%3Db%26c&scope=atproto%20repo:com.example.note"
    );
    assert_eq!(ClientMetadata::from_loopback_id(&made.client_id), Ok(made));
    let default = ClientMetadata::from_loopback_id("http://localhost/").unwrap();
    assert_eq!(default.redirect_uris, ["http://127.0.0.1/", "http://[::1]/"]);
    assert_eq!(
        (default.scope.to_string().as_str(), default.application_type),
        ("atproto", ApplicationType::Native)
    );
    use ClientMetadataFault::*;
    for (id, fault) in [
        ("http://localhost/x", ClientId),
        ("http://localhost?x=y", ClientId),
        ("http://localhost?scope=atproto&scope=atproto", ClientId),
        ("http://localhost?scope=repo:*", Lacks { field: "scope", value: "atproto" }),
        ("http://localhost?redirect_uri=http://localhost/", RedirectUri),
        ("http://localhost?redirect_uri=https://127.0.0.1/", RedirectUri),
        ("https://localhost", ClientId),
    ] {
        assert_eq!(ClientMetadata::from_loopback_id(id), Err(fault), "{id}");
    }
}
