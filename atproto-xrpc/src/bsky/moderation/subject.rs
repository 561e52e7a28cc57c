use crate::api::app::bsky::actor::defs::{
    ProfileView, ProfileViewBasic, ProfileViewDetailed, StatusView, ViewerState,
};
use crate::api::app::bsky::graph::defs::{ListView, ListViewBasic};
use crate::api::com::atproto::label::defs::Label;
use atproto_lexicon::typed::Did;

/// What counts of an account's view; all views of profiles make one.
#[derive(Debug, Clone, Copy)]
pub struct Actor<'a> {
    /// The account.
    pub did: &'a Did,
    /// What it is to the user.
    pub viewer: Option<&'a ViewerState>,
    /// The labels of the account, and of its profile.
    pub labels: &'a [Label],
    /// The labels of its status.
    pub status_labels: &'a [Label],
}

impl<'a> Actor<'a> {
    fn new(
        did: &'a Did,
        viewer: &'a Option<ViewerState>,
        labels: &'a Option<Vec<Label>>,
        status: Option<&'a StatusView>,
    ) -> Self {
        let status_labels = status.and_then(|status| status.labels.as_deref()).unwrap_or_default();
        Self { did, viewer: viewer.as_ref(), labels: labels.as_deref().unwrap_or_default(), status_labels }
    }

    /// Whether the user follows it.
    pub(super) fn is_followed(&self) -> bool {
        self.viewer.is_some_and(|viewer| viewer.following.is_some())
    }
}

impl<'a> From<&'a ProfileViewBasic> for Actor<'a> {
    fn from(view: &'a ProfileViewBasic) -> Self {
        Self::new(&view.did, &view.viewer, &view.labels, view.status.as_ref())
    }
}

impl<'a> From<&'a ProfileView> for Actor<'a> {
    fn from(view: &'a ProfileView) -> Self {
        Self::new(&view.did, &view.viewer, &view.labels, view.status.as_ref())
    }
}

impl<'a> From<&'a ProfileViewDetailed> for Actor<'a> {
    fn from(view: &'a ProfileViewDetailed) -> Self {
        Self::new(&view.did, &view.viewer, &view.labels, view.status.as_ref())
    }
}

#[cfg(feature = "chat-bsky")]
impl<'a> From<&'a crate::api::chat::bsky::actor::defs::ProfileViewBasic> for Actor<'a> {
    fn from(view: &'a crate::api::chat::bsky::actor::defs::ProfileViewBasic) -> Self {
        Self::new(&view.did, &view.viewer, &view.labels, None)
    }
}

/// What counts of a list's view; both views of lists make one.
#[derive(Debug, Clone, Copy)]
pub struct List<'a> {
    /// The account, or what else stands for it in the list's URI.
    pub creator_did: &'a str,
    /// The account's view, if there is one.
    pub creator: Option<Actor<'a>>,
    /// The labels of the list.
    pub labels: &'a [Label],
}

impl<'a> From<&'a ListView> for List<'a> {
    fn from(view: &'a ListView) -> Self {
        Self {
            creator_did: view.creator.did.as_str(),
            creator: Some(Actor::from(&view.creator)),
            labels: view.labels.as_deref().unwrap_or_default(),
        }
    }
}

impl<'a> From<&'a ListViewBasic> for List<'a> {
    fn from(view: &'a ListViewBasic) -> Self {
        Self {
            creator_did: view.uri.parts().authority,
            creator: None,
            labels: view.labels.as_deref().unwrap_or_default(),
        }
    }
}
