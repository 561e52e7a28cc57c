//! What of a post or a profile is shown to a user, and how: from labels, blocks, mutes, muted words and hidden posts to a
//! [`Decision`], and from it what to do in each [`Context`].
//!
//! It decides as `@atproto/api` does, whose guide is
//! <https://github.com/bluesky-social/atproto/blob/main/packages/api/docs/moderation.md>; a test holds the two together. Labels
//! count as they come: that they are in force (neither negated nor expired) is for the service that sends them, and who verifies
//! them is `label`, with the feature `labels`. Nothing is fetched: the views, the user's preferences and the definitions
//! of labelers are given.
//!
//! Three differences from that package are on purpose. When a muted word expires is compared as an instant, not as text. A
//! [`ListViewBasic`](crate::api::app::bsky::graph::defs::ListViewBasic) has no `creator`, as its schema says. And a record whose
//! fields are of other types than the schema's is read as far as it can be, where the package would throw an error.
//!
//! ```
//! use atproto_xrpc::api::app::bsky::actor::defs::ProfileView;
//! use atproto_xrpc::api::com::atproto::label::defs::Label;
//! use atproto_xrpc::bsky::moderation::{Context, LabelerPreferences, Moderator, Preferences};
//!
//! let labeler = "did:web:labels.example.com";
//! let mut preferences = Preferences::default();
//! preferences.labelers.push(LabelerPreferences::new(labeler.parse()?));
//! let moderator = Moderator::new(Some("did:web:me.example.com".parse()?), preferences);
//!
//! let mut profile = ProfileView::new("did:web:example.com".parse()?, "example.com".parse()?);
//! let label = Label::new(labeler.parse()?, "did:web:example.com".parse()?, "!hide".into(), "2026-01-02T03:04:05Z".parse()?);
//! profile.labels = Some(vec![label]);
//!
//! let decision = moderator.profile(&profile);
//! assert!(decision.ui(Context::ProfileList).filter());
//! let page = decision.ui(Context::ProfileView);
//! assert!(page.blur() && page.no_override);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod behavior;
mod decision;
mod definition;
mod muted_words;
mod post;
mod preferences;
mod subject;

pub use behavior::{Action, Behavior, Context, Target};
pub use decision::{Cause, CauseKind, Decision, LabelCause, Source, Ui};
pub use definition::LabelDefinition;
pub use muted_words::{MutedWordMatch, Passage};
pub use preferences::{LabelerPreferences, Preferences, Setting};
pub use subject::{Actor, List};

use crate::api::app::bsky::actor::defs::ViewerState;
use crate::api::app::bsky::feed::defs::GeneratorView;
use crate::api::app::bsky::labeler::defs::LabelerViewDetailed;
use crate::api::app::bsky::notification::list_notifications::Notification;
use crate::api::com::atproto::label::defs::Label;
use atproto_lexicon::typed::Did;
use std::collections::BTreeMap;

/// What decisions are made with: who the user is, what they have set, and what labelers mean by their labels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moderator {
    /// The user; `None` where nobody is logged in.
    pub user: Option<Did>,
    /// What the user has set.
    pub preferences: Preferences,
    /// The definitions of labelers, by their accounts.
    pub definitions: BTreeMap<Did, Vec<LabelDefinition>>,
}

impl Moderator {
    /// For this user, without labelers' own definitions.
    pub const fn new(user: Option<Did>, preferences: Preferences) -> Self {
        Self { user, preferences, definitions: BTreeMap::new() }
    }

    /// Takes the definitions of a labeler, as `app.bsky.labeler.getServices` gives them.
    pub fn add_labeler(&mut self, labeler: &LabelerViewDetailed) {
        self.definitions.insert(labeler.creator.did.clone(), LabelDefinition::of_labeler(labeler));
    }

    /// An account and its profile.
    pub fn profile<'a>(&'a self, actor: impl Into<Actor<'a>>) -> Decision<'a> {
        let actor = actor.into();
        let mut decision = self.decision(actor.did.as_str());
        decision.push_viewer(actor.viewer);
        // A profile's label is of its account, too, where the account asks not to be shown to the public.
        let of_account = |label: &&Label| !is_of_profile(label) || label.val == "!no-unauthenticated";
        self.push_labels(&mut decision, Target::Account, actor.labels.iter().filter(of_account));
        let of_profile = |label: &&Label| is_of_profile(label);
        self.push_labels(&mut decision, Target::Profile, actor.labels.iter().filter(of_profile));
        decision
    }

    /// An account's status, with the account and its profile.
    pub fn status<'a>(&'a self, actor: impl Into<Actor<'a>>) -> Decision<'a> {
        let actor = actor.into();
        content(self, actor.did.as_str(), Some(actor.status_labels)).merge(self.profile(actor))
    }

    /// A notification, with the account that caused it.
    pub fn notification<'a>(&'a self, notification: &'a Notification) -> Decision<'a> {
        let author = Actor::from(&notification.author);
        content(self, author.did.as_str(), notification.labels.as_deref()).merge(self.profile(author))
    }

    /// A feed generator, with the account that made it.
    pub fn feed_generator<'a>(&'a self, generator: &'a GeneratorView) -> Decision<'a> {
        let creator = Actor::from(&generator.creator);
        content(self, creator.did.as_str(), generator.labels.as_deref()).merge(self.profile(creator))
    }

    /// A list, with the account that made it where there is a view of it.
    pub fn user_list<'a>(&'a self, list: impl Into<List<'a>>) -> Decision<'a> {
        let list = list.into();
        let decision = content(self, list.creator_did, Some(list.labels));
        match list.creator {
            Some(creator) => decision.merge(self.profile(creator)),
            None => decision,
        }
    }

    /// One about what is this account's, with nothing in it.
    fn decision<'a>(&self, did: &'a str) -> Decision<'a> {
        let is_me = self.user.as_ref().is_some_and(|user| user.as_str() == did);
        Decision::new(did, is_me)
    }

    fn push_labels<'a>(
        &'a self,
        decision: &mut Decision<'a>,
        target: Target,
        labels: impl Iterator<Item = &'a Label>,
    ) {
        decision.causes.extend(labels.filter_map(|label| self.interpret(decision.did, target, label)));
    }

    /// What a label comes to on what is this account's; `None` where it is passed over.
    fn interpret<'a>(&'a self, did: &str, target: Target, label: &'a Label) -> Option<Cause<'a>> {
        let definition = self.definition(label)?;
        // Accounts label what is theirs; others are listened to or not.
        let source = if label.src.as_str() == did {
            definition.is_for_self.then_some(Source::User)?
        } else {
            Source::Labeler(&self.preferences.labeler(&label.src)?.did)
        };
        let is_refused = definition.is_adult && !self.preferences.adult_content;
        let setting = self.setting(definition, source, is_refused);
        if setting == Setting::Ignore || (definition.is_unauthed && self.user.is_some()) {
            return None;
        }
        let behavior = definition.behavior(target);
        let is_final = definition.is_final || is_refused;
        let priority = match setting {
            _ if is_final => 1,
            Setting::Hide => 2,
            _ if blurs(behavior.profile_view) || blurs(behavior.content_view) => 5,
            _ if blurs(behavior.content_list) || blurs(behavior.content_media) => 7,
            _ => 8,
        };
        let kind = CauseKind::Label(LabelCause { label, definition, target, setting, behavior, is_final });
        Some(Cause { kind, source, priority, is_downgraded: false })
    }

    /// What a label's value means: what its labeler says, where it is one that labelers may define, or what all agree on.
    fn definition(&self, label: &Label) -> Option<&LabelDefinition> {
        let is_own =
            !label.val.is_empty() && label.val.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        let own = self.definitions.get(&label.src).filter(|_| is_own);
        own.and_then(|own| own.iter().find(|definition| definition.identifier == label.val))
            .or_else(|| LabelDefinition::global(&label.val))
    }

    /// What is done about labels of this definition. Where adult content is refused, no other setting counts.
    fn setting(&self, definition: &LabelDefinition, source: Source<'_>, is_refused: bool) -> Setting {
        if !definition.is_configurable {
            return definition.default_setting;
        }
        if is_refused {
            return Setting::Hide;
        }
        let of_labeler = match source {
            Source::Labeler(did) => self.preferences.labeler(did).map(|labeler| &labeler.labels),
            _ => None,
        };
        let value = definition.identifier.as_ref();
        of_labeler
            .and_then(|labels| labels.get(value))
            .or_else(|| self.preferences.labels.get(value))
            .copied()
            .unwrap_or(definition.default_setting)
    }
}

/// Something which this account made, with its labels.
fn content<'a>(moderator: &'a Moderator, did: &'a str, labels: Option<&'a [Label]>) -> Decision<'a> {
    let mut decision = moderator.decision(did);
    moderator.push_labels(&mut decision, Target::Content, labels.unwrap_or_default().iter());
    decision
}

impl<'a> Decision<'a> {
    /// Mutes and blocks.
    fn push_viewer(&mut self, viewer: Option<&'a ViewerState>) {
        let Some(viewer) = viewer else {
            return;
        };
        if viewer.muted == Some(true) {
            self.push(CauseKind::Muted, viewer.muted_by_list.as_ref().map_or(Source::User, Source::List));
        }
        if viewer.blocking.is_some() {
            self.push(
                CauseKind::Blocking,
                viewer.blocking_by_list.as_ref().map_or(Source::User, Source::List),
            );
        }
        if viewer.blocked_by == Some(true) {
            self.push(CauseKind::BlockedBy, Source::User);
        }
    }
}

fn blurs(action: Option<Action>) -> bool {
    action == Some(Action::Blur)
}

fn is_of_profile(label: &Label) -> bool {
    label.uri.as_str().ends_with("/app.bsky.actor.profile/self")
}

#[cfg(test)]
mod tests;
