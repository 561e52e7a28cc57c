/// Where something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// An account among others.
    ProfileList,
    /// An account's page.
    ProfileView,
    /// An account's picture.
    Avatar,
    /// The picture at the head of an account's page.
    Banner,
    /// An account's display name.
    DisplayName,
    /// A post, list or feed among others.
    ContentList,
    /// A post, list or feed by itself.
    ContentView,
    /// The pictures, videos and cards in it.
    ContentMedia,
}

impl Context {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ProfileList,
        Self::ProfileView,
        Self::Avatar,
        Self::Banner,
        Self::DisplayName,
        Self::ContentList,
        Self::ContentView,
        Self::ContentMedia,
    ];

    /// The name that the reference implementation has for it: `profileList`, and so on.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProfileList => "profileList",
            Self::ProfileView => "profileView",
            Self::Avatar => "avatar",
            Self::Banner => "banner",
            Self::DisplayName => "displayName",
            Self::ContentList => "contentList",
            Self::ContentView => "contentView",
            Self::ContentMedia => "contentMedia",
        }
    }

    /// Whether it is one of many there, so that it can be left out.
    pub(super) const fn is_list(self) -> bool {
        matches!(self, Self::ProfileList | Self::ContentList)
    }
}

/// What is done to something that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// It is covered.
    Blur,
    /// A warning stands beside it.
    Alert,
    /// A remark stands beside it.
    Inform,
}

/// What a label is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// An account: all that it is and makes.
    Account,
    /// The profile record of an account.
    Profile,
    /// Any other record.
    Content,
}

/// What is done in each context.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Behavior {
    /// In [`Context::ProfileList`].
    pub profile_list: Option<Action>,
    /// In [`Context::ProfileView`].
    pub profile_view: Option<Action>,
    /// In [`Context::Avatar`].
    pub avatar: Option<Action>,
    /// In [`Context::Banner`].
    pub banner: Option<Action>,
    /// In [`Context::DisplayName`].
    pub display_name: Option<Action>,
    /// In [`Context::ContentList`].
    pub content_list: Option<Action>,
    /// In [`Context::ContentView`].
    pub content_view: Option<Action>,
    /// In [`Context::ContentMedia`].
    pub content_media: Option<Action>,
}

const BLUR: Option<Action> = Some(Action::Blur);
const ALERT: Option<Action> = Some(Action::Alert);
const INFORM: Option<Action> = Some(Action::Inform);

impl Behavior {
    /// Nothing is done.
    pub const NONE: Self = Self {
        profile_list: None,
        profile_view: None,
        avatar: None,
        banner: None,
        display_name: None,
        content_list: None,
        content_view: None,
        content_media: None,
    };

    /// Of blocks in either direction.
    pub const BLOCK: Self = Self { profile_view: ALERT, display_name: None, ..Self::ALL_BLURRED };
    /// Of muted accounts.
    pub const MUTE: Self = Self {
        profile_list: INFORM,
        profile_view: ALERT,
        content_list: BLUR,
        content_view: INFORM,
        ..Self::NONE
    };
    /// Of muted words, hidden posts, and content that is covered as such.
    pub const CONTENT: Self = Self { content_list: BLUR, content_view: BLUR, ..Self::NONE };
    /// All but media, which are in what is covered.
    pub(super) const ALL_BLURRED: Self = Self {
        profile_list: BLUR,
        profile_view: BLUR,
        avatar: BLUR,
        banner: BLUR,
        display_name: BLUR,
        content_list: BLUR,
        content_view: BLUR,
        content_media: None,
    };
    /// An account's pictures.
    pub(super) const PICTURES: Self = Self { avatar: BLUR, banner: BLUR, ..Self::NONE };
    /// The media in a post.
    pub(super) const MEDIA: Self = Self { content_media: BLUR, ..Self::NONE };

    /// What is done in this context.
    pub const fn get(&self, context: Context) -> Option<Action> {
        match context {
            Context::ProfileList => self.profile_list,
            Context::ProfileView => self.profile_view,
            Context::Avatar => self.avatar,
            Context::Banner => self.banner,
            Context::DisplayName => self.display_name,
            Context::ContentList => self.content_list,
            Context::ContentView => self.content_view,
            Context::ContentMedia => self.content_media,
        }
    }
}
