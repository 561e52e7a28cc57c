use atproto_lexicon::syntax::Nsid;
use atproto_lexicon::typed::{Permission, PermissionSet};
use atproto_xrpc::auth::scope::{
    AccountAction, AccountAttribute, CallAudience, IdentityScope, IncludeScope, RepoAction, RepoScope,
    RpcScope, Scope, ScopeError, ScopeSet, ScopeSyntax, Unresolved,
};
use atproto_xrpc::auth::service::Audience;
use proptest::prelude::*;
use std::collections::HashMap;

fn scope(text: &str) -> Result<Scope, ScopeError> {
    text.parse()
}

fn set(text: &str) -> ScopeSet {
    text.parse().unwrap()
}

fn nsid(text: &str) -> Nsid {
    text.parse().unwrap()
}

fn audience(text: &str) -> Audience {
    text.parse().unwrap()
}

/// A file of the public suite; `None` where it is not there.
fn suite(name: &str) -> Option<String> {
    let path = testdata::root().join("conformance/oauth-scopes").join(name);
    let text = std::fs::read_to_string(&path).ok();
    assert!(text.is_some() || !testdata::is_required(), "{} is missing", path.display());
    text
}

#[test]
fn the_public_suite_is_read_as_it_says() {
    let lines = |text: String| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(str::to_owned).collect()
    };
    if let Some(valid) = suite("permission_scopes_valid.txt").map(lines) {
        assert!(valid.len() >= 45, "{}", valid.len());
        for text in valid {
            let parsed = scope(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(scope(&parsed.to_string()), Ok(parsed), "{text}");
        }
    }
    if let Some(invalid) = suite("permission_scopes_invalid.txt").map(lines) {
        assert!(invalid.len() >= 80, "{}", invalid.len());
        for text in invalid {
            assert!(scope(&text).is_err(), "{text}");
        }
    }
    if let Some(invalid) = suite("generic_scopes_invalid.txt").map(lines) {
        for text in invalid {
            assert!(text.parse::<ScopeSyntax>().is_err(), "{text}");
        }
    }
    let Some(valid) = suite("generic_scopes_valid.json") else { return };
    #[derive(serde::Deserialize)]
    struct Case {
        scope: String,
        generic: Generic,
    }
    #[derive(serde::Deserialize)]
    struct Generic {
        resource: String,
        positional: String,
        params: HashMap<String, Vec<String>>,
    }
    let cases: Vec<Case> = serde_json::from_str(&valid).unwrap();
    assert!(cases.len() >= 18);
    for Case { scope, generic } in cases {
        let syntax: ScopeSyntax = scope.parse().unwrap();
        let mut params: HashMap<String, Vec<String>> = HashMap::new();
        for (name, value) in &syntax.params {
            params.entry(name.clone()).or_default().push(value.clone());
        }
        let positional = syntax.positional.clone().unwrap_or_default();
        let read = (&syntax.resource, &positional, &params);
        assert_eq!(read, (&generic.resource, &generic.positional, &generic.params), "{scope}");
        assert_eq!(syntax.to_string().parse(), Ok(syntax), "{scope}");
    }
}

#[test]
fn a_scope_is_written_in_one_form() {
    let service = "did:web:example.com%23service";
    let same = [
        ("atproto", "atproto"),
        ("transition:chat.bsky", "transition:chat.bsky"),
        ("repo?collection=*", "repo:*"),
        (
            "repo:com.example.a?action=delete&action=create&action=delete",
            "repo:com.example.a?action=create&action=delete",
        ),
        ("repo:com.example.a?action=create&action=update&action=delete", "repo:com.example.a"),
        ("repo?collection=*&collection=com.example.a&action=update", "repo:*?action=update"),
        (
            "repo?action=create&collection=com.example.b&collection=com.example.a",
            "repo?collection=com.example.a&collection=com.example.b&action=create",
        ),
        ("repo:Com.Example.someName", "repo:com.example.someName"),
        ("rpc:com.example.a?&aud=*", "rpc:com.example.a?aud=*"),
        (
            "rpc?aud=did:web:example.com#service&lxm=com.example.a",
            &format!("rpc:com.example.a?aud={service}"),
        ),
        (
            "rpc?lxm=com.example.a&lxm=*&aud=did%3Aweb%3Aexample.com%23service",
            &format!("rpc:*?aud={service}"),
        ),
        ("rpc:*?aud=did:web:localhost%253A2583%23service", "rpc:*?aud=did:web:localhost%253A2583%23service"),
        ("blob?accept=*/*&accept=image/*", "blob:*/*"),
        ("blob?accept=image/PNG&accept=image/jpeg", "blob?accept=image/jpeg&accept=image/png"),
        ("blob?accept=image/*&accept=image/png", "blob:image/*"),
        ("blob?accept=image/svg+xml", "blob:image/svg+xml"),
        ("blob?accept=image/svg+xml&accept=text/html", "blob?accept=image/svg%2Bxml&accept=text/html"),
        ("account:email?action=read", "account:email"),
        ("account?attr=repo&action=manage", "account:repo?action=manage"),
        ("identity:*?", "identity:*"),
        ("identity:%2A", "identity:*"),
        (
            "include?aud=did:web:example.com#service&nsid=com.example.a",
            &format!("include:com.example.a?aud={service}"),
        ),
    ];
    for (text, written) in same {
        assert_eq!(scope(text).unwrap().to_string(), written);
        assert_eq!(scope(written).unwrap(), scope(text).unwrap());
    }
    assert_eq!(
        set("repo:com.example.b  atproto repo:com.example.b").to_string(),
        "atproto repo:com.example.b"
    );
}

#[test]
fn what_is_no_scope_has_its_reason() {
    use ScopeError::*;
    let did = "did:web:example.com";
    let reasons = [
        ("", Character),
        ("repo:a\"b", Character),
        ("repo:a\\b", Character),
        ("repo:%2", Encoding),
        ("repo:%ff", Encoding),
        ("space:com.example.a", UnknownResource),
        ("Atproto", UnknownResource),
        ("atproto?", UnknownResource),
        ("transition:all", UnknownResource),
        ("transition:", UnknownResource),
        ("transition:generic?a=b", UnknownResource),
        ("repo:com.example.a?until=noon", UnknownParameter),
        ("repo:com.example.a?Action=create", UnknownParameter),
        ("blob:*/*?max", UnknownParameter),
        ("identity:*?action=manage", UnknownParameter),
        ("repo", Missing("collection")),
        ("repo:", Malformed("collection")),
        ("repo:com.example.*", Malformed("collection")),
        ("repo?collection=*&collection=x", Malformed("collection")),
        ("repo:com.example.a?action=*", Malformed("action")),
        ("repo:com.example.a?collection=com.example.b", Repeated("collection")),
        ("rpc?aud=*", Missing("lxm")),
        ("rpc:com.example.a", Missing("aud")),
        ("rpc:com.example.a?aud=*&aud=*", Repeated("aud")),
        ("rpc:*?aud=*", AnyCall),
        ("rpc?lxm=com.example.a&lxm=*&aud=*", AnyCall),
        ("blob", Missing("accept")),
        ("blob:*/png", Malformed("accept")),
        ("blob:image/png/x", Malformed("accept")),
        ("account", Missing("attr")),
        ("account:status", Malformed("attr")),
        ("account:email?action=write", Malformed("action")),
        ("account:email?action=read&action=manage", Repeated("action")),
        ("account?attr=email&attr=repo", Repeated("attr")),
        ("include:com.example", Malformed("nsid")),
        ("include:com.example.a?aud=*", Malformed("aud")),
    ];
    for (text, reason) in reasons {
        assert_eq!(scope(text), Err(reason), "{text}");
    }
    let bad = [
        "",
        "%23service",
        did,
        "did:web:example.com%23",
        "did:web:example.com%23a%23b",
        "did:web:example.com:path%23a",
        "did:web:example.com%253A443%23a",
        "did:web:localhost%253A0%23a",
        "did:web:example%23a",
        "did:plc:111%23a",
        "did:foo:bar%23a",
    ];
    for bad in bad {
        assert_eq!(scope(&format!("rpc:com.example.a?aud={bad}")), Err(Malformed("aud")), "{bad}");
        assert_eq!(scope(&format!("include:com.example.a?aud={bad}")), Err(Malformed("aud")), "{bad}");
    }
    assert_eq!(scope(&format!("repo:{}", "a".repeat(8192))), Err(TooLong));
    assert_eq!("a ".repeat(40_000).parse::<ScopeSet>(), Err(TooLong));
}

#[test]
fn a_set_allows_what_its_scopes_say_and_nothing_without_atproto() {
    let (note, other) = (nsid("com.example.note"), nsid("com.example.other"));
    let (service, account) = (audience("did:web:a.example.com#api"), audience("did:web:a.example.com"));
    let scopes = "repo:com.example.note?action=create rpc:com.example.note?aud=did:web:a.example.com%23api blob:image/* account:repo?action=manage identity:handle";
    assert!(!set(scopes).allows_repo(&note, RepoAction::Create));
    let scopes = set(&format!("atproto {scopes}"));
    assert!(scopes.allows_repo(&note, RepoAction::Create));
    assert!(scopes.allows_repo(&nsid("COM.example.note"), RepoAction::Create));
    assert!(!scopes.allows_repo(&nsid("com.example.Note"), RepoAction::Create));
    assert!(
        !scopes.allows_repo(&note, RepoAction::Delete) && !scopes.allows_repo(&other, RepoAction::Create)
    );
    assert!(scopes.allows_rpc(&note, &service));
    assert!(!scopes.allows_rpc(&note, &account) && !scopes.allows_rpc(&other, &service));
    assert!(scopes.allows_blob("image/png") && scopes.allows_blob("Image/PNG; a=b"));
    for other in ["video/mp4", "image", "image/*", "*/*", "", "image/"] {
        assert!(!scopes.allows_blob(other), "{other}");
    }
    assert!(scopes.allows_account(AccountAttribute::Repo, AccountAction::Manage));
    assert!(scopes.allows_account(AccountAttribute::Repo, AccountAction::Read));
    assert!(!scopes.allows_account(AccountAttribute::Email, AccountAction::Read));
    assert!(scopes.allows_identity(IdentityScope::Handle) && !scopes.allows_identity(IdentityScope::All));
    assert!(set("atproto identity:*").allows_identity(IdentityScope::Handle));
    assert!(set("atproto rpc:*?aud=did:web:a.example.com%23api").allows_rpc(&other, &service));
    assert!(set("atproto rpc:com.example.note?aud=*").allows_rpc(&note, &account));
    // A permission set that was not looked up gives nothing.
    assert!(!set("atproto include:com.example.auth").allows_repo(&note, RepoAction::Create));
}

#[test]
fn transitional_scopes_are_app_passwords() {
    let (post, chat) = (nsid("app.bsky.feed.post"), nsid("chat.bsky.convo.sendMessage"));
    let service = audience("did:web:api.example.com#svc");
    let generic = set("atproto transition:generic");
    assert!(generic.allows_repo(&post, RepoAction::Delete) && generic.allows_blob("a/b"));
    assert!(generic.allows_rpc(&post, &service) && !generic.allows_rpc(&chat, &service));
    assert!(!generic.allows_account(AccountAttribute::Email, AccountAction::Read));
    assert!(!generic.allows_identity(IdentityScope::Handle));
    // Messages are an addition, not a scope of their own.
    assert!(!set("atproto transition:chat.bsky").allows_rpc(&chat, &service));
    assert!(set("atproto transition:chat.bsky transition:generic").allows_rpc(&chat, &service));
    let email = set("atproto transition:email");
    assert!(email.allows_account(AccountAttribute::Email, AccountAction::Read));
    assert!(!email.allows_account(AccountAttribute::Email, AccountAction::Manage));
}

#[test]
fn what_is_granted_may_have_what_is_not_known() {
    let granted =
        ScopeSet::from_granted("atproto space:com.example repo:*?until=noon repo:com.example.a").unwrap();
    assert_eq!(granted.unknown().collect::<Vec<_>>(), ["repo:*?until=noon", "space:com.example"]);
    assert!(granted.allows_repo(&nsid("com.example.a"), RepoAction::Create));
    assert!(!granted.allows_repo(&nsid("com.example.b"), RepoAction::Create));
    assert!(granted.contains_all(&set("atproto repo:com.example.a")));
    assert!(!granted.contains_all(&set("atproto repo:com.example.b")));
    let wide = set(
        "atproto repo:* repo:com.example.a?action=delete account:email account:email?action=manage identity:handle identity:*",
    );
    assert_eq!(wide.minimized().to_string(), "atproto repo:* account:email?action=manage identity:*");
}

const SET: PermissionSet = PermissionSet {
    nsid: "com.example.calendar.auth",
    permissions: &[
        Permission::Repo { collection: &["com.example.calendar.event"], action: &[] },
        Permission::Repo {
            collection: &["com.example.calendar.event", "com.example.calendar.deep.er.rsvp"],
            action: &["delete", "create"],
        },
        Permission::Rpc { lxm: &["com.example.calendar.list"], aud: Some("*") },
        Permission::Rpc { lxm: &["com.example.calendar.get"], aud: None },
        // None of these counts.
        Permission::Repo { collection: &["com.example.calendar.event", "com.example.other"], action: &[] },
        Permission::Repo { collection: &["com.example.calendars.event"], action: &[] },
        Permission::Repo { collection: &["com.example.calendar"], action: &[] },
        Permission::Repo { collection: &["*"], action: &[] },
        Permission::Repo { collection: &[], action: &[] },
        Permission::Repo { collection: &["com.example.calendar.event"], action: &["create", "read"] },
        Permission::Rpc { lxm: &["com.example.calendar.get"], aud: Some("did:web:example.com#svc") },
        Permission::Rpc { lxm: &["*"], aud: None },
        Permission::Rpc { lxm: &["com.atproto.moderation.createReport"], aud: Some("*") },
    ],
};

#[test]
fn a_permission_set_gives_what_is_its_own() {
    let find = |name: &Nsid| (*name == *SET.nsid).then_some(&SET);
    let without = set("atproto include:com.example.calendar.auth").expand(find).unwrap();
    let repo = "repo?collection=com.example.calendar.deep.er.rsvp&collection=com.example.calendar.event&action=create&action=delete repo:com.example.calendar.event";
    let all = "rpc:com.example.calendar.list?aud=*";
    assert_eq!(without, set(&format!("atproto {repo} {all}")));
    let with =
        set("atproto include:com.example.calendar.auth?aud=did:web:example.com%23svc").expand(find).unwrap();
    let inherited = "rpc:com.example.calendar.get?aud=did:web:example.com%23svc";
    assert_eq!(with, set(&format!("atproto {repo} {all} {inherited}")));
    let unknown = set("atproto include:com.example.other").expand(find);
    assert_eq!(unknown, Err(Unresolved(nsid("com.example.other"))));
    assert_eq!(IncludeScope::new(&nsid("com.example.other")).expand(&SET), None);
    // The authority is not case-sensitive.
    assert!(IncludeScope::new(&nsid("COM.example.calendar.auth")).expand(&SET).is_some());
}

#[test]
fn scopes_are_made_whole() {
    let service = audience("did:web:example.com#svc");
    assert_eq!(RepoScope::new([], RepoAction::ALL), None);
    assert_eq!(RepoScope::any([]), None);
    assert_eq!(RpcScope::new([], CallAudience::Any), None);
    assert_eq!(RpcScope::any_method(audience("did:web:example.com")), None);
    let made = Scope::Rpc(RpcScope::any_method(service.clone()).unwrap());
    assert_eq!(made.to_string(), "rpc:*?aud=did:web:example.com%23svc");
    let include = IncludeScope::new(&nsid("com.example.auth")).with_audience(&service).unwrap();
    assert_eq!(Scope::Include(include).to_string(), "include:com.example.auth?aud=did:web:example.com%23svc");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(repo|rpc|blob|account|identity|include|atproto)?[:?&=%#a-z0-9.*/+]{0,40}") {
        if let Ok(scope) = scope(&text) {
            prop_assert_eq!(scope.to_string().parse::<Scope>(), Ok(scope.clone()));
            prop_assert!(scope.covers(&scope));
        }
        if let Ok(syntax) = text.parse::<ScopeSyntax>() {
            prop_assert_eq!(syntax.to_string().parse::<ScopeSyntax>(), Ok(syntax));
        }
    }
}
