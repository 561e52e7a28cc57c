use crate::api::app::bsky::actor::defs::{
    ContentLabelPref, ContentLabelPrefVisibility as Visibility, MutedWord, PreferencesItem,
};
use atproto_lexicon::typed::{AtUri, Did};
use std::collections::{BTreeMap, BTreeSet};

/// What a user wants done about a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Setting {
    /// Nothing.
    Ignore,
    /// What its definition says.
    Warn,
    /// The same, and it is left out of lists.
    Hide,
}

impl From<&Visibility> for Setting {
    /// `show` is the name that `ignore` had; a value that is not known warns.
    fn from(visibility: &Visibility) -> Self {
        match visibility {
            Visibility::Ignore | Visibility::Show => Self::Ignore,
            Visibility::Hide => Self::Hide,
            _ => Self::Warn,
        }
    }
}

/// What a user has set.
#[derive(Debug, Clone, PartialEq)]
pub struct Preferences {
    /// Whether what is for adults only is shown; otherwise it stays covered, and out of lists.
    pub adult_content: bool,
    /// What is done about labels of these values, whoever made them.
    pub labels: BTreeMap<String, Setting>,
    /// The labelers that the user listens to: labels of others are passed over.
    pub labelers: Vec<LabelerPreferences>,
    /// Words that the user does not want to read.
    pub muted_words: Vec<MutedWord>,
    /// Posts that the user does not want to see.
    pub hidden_posts: BTreeSet<AtUri>,
}

/// What a user has set about one labeler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelerPreferences {
    /// Its account.
    pub did: Did,
    /// What is done about its labels of these values, before [`Preferences::labels`] is asked.
    pub labels: BTreeMap<String, Setting>,
}

impl LabelerPreferences {
    /// Of a labeler about which nothing is set.
    pub const fn new(did: Did) -> Self {
        Self { did, labels: BTreeMap::new() }
    }
}

impl Default for Preferences {
    /// Of a user who has set nothing, and listens to nobody.
    fn default() -> Self {
        let labels = [
            ("porn", Setting::Hide),
            ("sexual", Setting::Warn),
            ("nudity", Setting::Ignore),
            ("graphic-media", Setting::Warn),
        ];
        Self {
            adult_content: false,
            labels: labels.map(|(value, setting)| (value.to_owned(), setting)).into(),
            labelers: Vec::new(),
            muted_words: Vec::new(),
            hidden_posts: BTreeSet::new(),
        }
    }
}

impl Preferences {
    /// From what `app.bsky.actor.getPreferences` answers, and the labelers that the application listens to on its own.
    pub fn from_items(items: &[PreferencesItem], app_labelers: &[Did]) -> Self {
        let mut preferences = Self::default();
        let mut label_items = Vec::new();
        let app_labelers = || app_labelers.iter().cloned().map(LabelerPreferences::new);
        preferences.labelers = app_labelers().collect();
        for item in items {
            match item {
                PreferencesItem::AdultContentPref(item) => preferences.adult_content = item.enabled,
                PreferencesItem::ContentLabelPref(item) => label_items.push(item),
                PreferencesItem::LabelersPref(item) => {
                    let theirs = item.labelers.iter().map(|item| LabelerPreferences::new(item.did.clone()));
                    preferences.labelers = app_labelers().chain(theirs).collect();
                }
                PreferencesItem::MutedWordsPref(item) => preferences.muted_words.clone_from(&item.items),
                PreferencesItem::HiddenPostsPref(item) => {
                    preferences.hidden_posts = item.items.iter().cloned().collect();
                }
                _ => {}
            }
        }
        // Labelers may stand after what is set about them.
        for item in label_items {
            preferences.set_label(item);
        }
        for (old, new) in [("gore", "graphic-media"), ("nsfw", "porn"), ("suggestive", "sexual")] {
            if let Some(setting) = preferences.labels.get(old).copied() {
                preferences.labels.insert(new.to_owned(), setting);
            }
        }
        preferences
    }

    fn set_label(&mut self, item: &ContentLabelPref) {
        let labels = match &item.labeler_did {
            None => Some(&mut self.labels),
            Some(did) => self.labeler_mut(did).map(|labeler| &mut labeler.labels),
        };
        if let Some(labels) = labels {
            labels.insert(item.label.clone(), Setting::from(&item.visibility));
        }
    }

    /// What is set about a labeler that the user listens to.
    pub fn labeler(&self, did: &Did) -> Option<&LabelerPreferences> {
        self.labelers.iter().find(|labeler| labeler.did == *did)
    }

    fn labeler_mut(&mut self, did: &Did) -> Option<&mut LabelerPreferences> {
        self.labelers.iter_mut().find(|labeler| labeler.did == *did)
    }
}
