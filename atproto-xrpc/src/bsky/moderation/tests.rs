//! What the guide says in words; `tests/it/peer` holds all of it against the reference.

use super::*;
use crate::api::app::bsky::actor::defs::{MutedWord, MutedWordTarget, PreferencesItem, ProfileView};
use crate::api::app::bsky::feed::defs::PostView;
use serde_json::json;

const LABELER: &str = "did:web:labels.example.com";
const AUTHOR: &str = "did:web:author.example.com";
const ME: &str = "did:web:me.example.com";
const POST: &str = "at://did:web:author.example.com/app.bsky.feed.post/1";

fn moderator(user: Option<&str>) -> Moderator {
    let mut preferences = Preferences::default();
    preferences.labelers.push(LabelerPreferences::new(LABELER.parse().unwrap()));
    Moderator::new(user.map(|user| user.parse().unwrap()), preferences)
}

fn label(src: &str, uri: &str, value: &str) -> Label {
    let cts = "2026-01-02T03:04:05Z".parse().unwrap();
    Label::new(src.parse().unwrap(), uri.parse().unwrap(), value.into(), cts)
}

fn profile(labels: Vec<Label>) -> ProfileView {
    let mut profile = ProfileView::new(AUTHOR.parse().unwrap(), "author.example.com".parse().unwrap());
    profile.labels = Some(labels);
    profile
}

fn post(labels: &[Label]) -> PostView {
    let record =
        json!({ "$type": "app.bsky.feed.post", "text": "Hello world", "createdAt": "2026-01-02T03:04:05Z" });
    let post = json!({
        "uri": POST, "cid": "bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u",
        "author": { "did": AUTHOR, "handle": "author.example.com" }, "record": record,
        "indexedAt": "2026-01-02T03:04:05Z", "labels": labels,
    });
    serde_json::from_str(&post.to_string()).unwrap()
}

#[test]
fn what_is_for_adults_is_shown_to_those_who_asked() {
    let post = post(&[label(LABELER, POST, "porn")]);
    let mut moderator = moderator(Some(ME));
    let decision = moderator.post(&post, 0);
    let ui = decision.ui(Context::ContentMedia);
    assert!(ui.blur() && ui.no_override && !ui.filter());
    assert!(decision.ui(Context::ContentList).filter());
    moderator.preferences.adult_content = true;
    moderator.preferences.labels.insert("porn".into(), Setting::Warn);
    let decision = moderator.post(&post, 0);
    let ui = decision.ui(Context::ContentMedia);
    assert!(ui.blur() && !ui.no_override);
    assert!(!decision.ui(Context::ContentList).filter());
    // What is said about the labeler counts before what is said about all.
    moderator.preferences.labelers[0].labels.insert("porn".into(), Setting::Ignore);
    assert!(moderator.post(&post, 0).causes.is_empty());
}

#[test]
fn only_the_author_and_chosen_labelers_are_heard() {
    let from = |src, value| {
        let profile = profile(vec![label(src, AUTHOR, value)]);
        moderator(Some(ME)).profile(&profile).causes.len()
    };
    assert_eq!(from(LABELER, "!warn"), 1);
    assert_eq!(from("did:web:other.example.com", "!warn"), 0);
    assert_eq!(from(AUTHOR, "graphic-media"), 1);
    // This is for services to say.
    assert_eq!(from(AUTHOR, "!warn"), 0);
    assert_eq!(from(LABELER, "of-no-meaning"), 0);
}

#[test]
fn who_is_logged_in_sees_what_is_kept_from_the_public() {
    let uri = format!("at://{AUTHOR}/app.bsky.actor.profile/self");
    let profile = profile(vec![label(AUTHOR, &uri, "!no-unauthenticated")]);
    let targets: Vec<Target> = moderator(None).profile(&profile).labels().map(|label| label.target).collect();
    assert_eq!(targets, [Target::Account, Target::Profile]);
    assert!(moderator(Some(ME)).profile(&profile).causes.is_empty());
}

#[test]
fn blocks_cannot_be_overridden_and_mutes_can() {
    let mut author = profile(vec![]);
    author.viewer = Some(ViewerState { muted: Some(true), blocked_by: Some(true), ..ViewerState::default() });
    let user = moderator(Some(ME));
    let decision = user.profile(&author);
    assert_eq!(decision.block().unwrap().kind, CauseKind::BlockedBy);
    assert_eq!(decision.mute().unwrap().source, Source::User);
    let ui = decision.ui(Context::ContentList);
    assert!(ui.no_override);
    // The block comes first, though the mute was found first.
    assert_eq!(ui.filters.iter().map(|cause| cause.priority).collect::<Vec<_>>(), [4, 6]);
    // None of it is about oneself.
    let author_moderator = moderator(Some(AUTHOR));
    assert_eq!(author_moderator.profile(&author).ui(Context::ContentList), Ui::default());
}

#[test]
fn hidden_posts_and_muted_words_leave_lists() {
    let mut moderator = moderator(Some(ME));
    let post = post(&[]);
    moderator.preferences.muted_words.push(MutedWord::new("world".into(), vec![MutedWordTarget::Content]));
    let decision = moderator.post(&post, 0);
    assert!(decision.ui(Context::ContentList).filter() && decision.ui(Context::ContentView).blur());
    assert!(!decision.ui(Context::ProfileList).filter());
    moderator.preferences.muted_words[0].expires_at = Some("1970-01-01T00:00:01Z".parse().unwrap());
    assert!(moderator.post(&post, 2_000_000).causes.is_empty());
    moderator.preferences.hidden_posts.insert(POST.parse().unwrap());
    assert_eq!(moderator.post(&post, 2_000_000).causes[0].kind, CauseKind::Hidden);
}

#[test]
fn what_a_quoted_post_has_only_filters() {
    let moderator = moderator(Some(ME));
    let quoted = post(&[label(LABELER, POST, "!hide")]);
    let decision = moderator.post(&quoted, 0).downgrade();
    let ui = decision.ui(Context::ContentList);
    assert!(ui.filter() && !ui.blur() && !ui.no_override);
}

#[test]
fn labelers_define_their_own_labels_and_not_the_services() {
    let definition = |identifier: &str| json!({ "identifier": identifier, "severity": "alert", "blurs": "content", "locales": [], "adultOnly": true });
    let view = json!({
        "uri": format!("at://{LABELER}/app.bsky.labeler.service/self"), "indexedAt": "2026-01-02T03:04:05Z",
        "cid": "bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u",
        "creator": { "did": LABELER, "handle": "labels.example.com" },
        "policies": { "labelValues": [], "labelValueDefinitions": [
            definition("rude"), definition("!warn"), definition(&"x".repeat(101)),
        ] },
    });
    let mut moderator = moderator(Some(ME));
    moderator.add_labeler(&serde_json::from_str(&view.to_string()).unwrap());
    assert_eq!(moderator.definitions.values().map(Vec::len).collect::<Vec<_>>(), [2]);
    let labeled = profile(vec![label(LABELER, AUTHOR, "rude"), label(LABELER, AUTHOR, "!warn")]);
    let decision = moderator.profile(&labeled);
    let of: Vec<_> = decision.labels().map(|label| label.definition.defined_by.is_some()).collect();
    assert_eq!(of, [true, false]);
    // Not asked for, what is for adults only is covered for good.
    assert!(decision.ui(Context::ContentView).no_override);
}

#[test]
fn preferences_are_read_in_any_order() {
    let item =
        |json: serde_json::Value| -> PreferencesItem { serde_json::from_str(&json.to_string()).unwrap() };
    let label = |value: &str, visibility: &str, did: Option<&str>| {
        let mut pref = json!({ "$type": "app.bsky.actor.defs#contentLabelPref", "label": value, "visibility": visibility });
        if let Some(did) = did {
            pref["labelerDid"] = did.into();
        }
        item(pref)
    };
    let items = [
        label("rude", "hide", Some(LABELER)),
        label("rude", "hide", Some(AUTHOR)),
        label("nsfw", "show", None),
        label("rude", "another-one", None),
        item(json!({ "$type": "app.bsky.actor.defs#labelersPref", "labelers": [{ "did": LABELER }] })),
        item(json!({ "$type": "app.bsky.actor.defs#adultContentPref", "enabled": true })),
    ];
    let preferences = Preferences::from_items(&items, &[ME.parse().unwrap()]);
    assert!(preferences.adult_content);
    assert_eq!(preferences.labels["porn"], Setting::Ignore);
    assert_eq!(preferences.labels["rude"], Setting::Warn);
    let dids: Vec<&str> = preferences.labelers.iter().map(|labeler| labeler.did.as_str()).collect();
    assert_eq!(dids, [ME, LABELER]);
    assert_eq!(preferences.labelers[1].labels["rude"], Setting::Hide);
}
