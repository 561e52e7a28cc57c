use super::behavior::{Action, Behavior, Context, Target};
use super::definition::LabelDefinition;
use super::muted_words::MutedWordMatch;
use super::preferences::Setting;
use crate::api::app::bsky::graph::defs::ListViewBasic;
use crate::api::com::atproto::label::defs::Label;
use atproto_lexicon::typed::Did;

/// All that speaks against showing something as it is. What to do about it follows for each context: [`Decision::ui`].
#[derive(Debug, Clone, PartialEq)]
pub struct Decision<'a> {
    /// The account whose it is: a DID, or for a list of which only the URI is known what stands there.
    pub did: &'a str,
    /// Whether that is the user.
    pub is_me: bool,
    /// What was found, in the order of finding it.
    pub causes: Vec<Cause<'a>>,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause<'a> {
    /// What it is.
    pub kind: CauseKind<'a>,
    /// Who brought it about.
    pub source: Source<'a>,
    /// 1 (most) to 8: of several causes, the first one is what a user is told.
    pub priority: u8,
    /// Whether it was found in what a post quotes: then the post is left out of lists, and not covered.
    pub is_downgraded: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub enum CauseKind<'a> {
    /// The user blocks the account.
    Blocking,
    /// The account blocks the user.
    BlockedBy,
    /// The user has muted the account.
    Muted,
    /// The user has muted words that stand there; there is at least one.
    MutedWord(Vec<MutedWordMatch<'a>>),
    /// The user has hidden the post.
    Hidden,
    /// It is labeled.
    Label(LabelCause<'a>),
}

/// A label, and what it comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelCause<'a> {
    /// The label.
    pub label: &'a Label,
    /// What its value means.
    pub definition: &'a LabelDefinition,
    /// What it is on.
    pub target: Target,
    /// What the user wants done; never [`Setting::Ignore`].
    pub setting: Setting,
    /// What is done in each context.
    pub behavior: Behavior,
    /// Whether what is covered stays so.
    pub is_final: bool,
}

/// Who brought a cause about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Source<'a> {
    /// The user; for labels, the account itself.
    User,
    /// A list that the user subscribes to.
    List(&'a ListViewBasic),
    /// A labeler.
    Labeler(&'a Did),
}

/// What to do in one context, and the causes of each. Filters and blurs are in the order of their priority.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ui<'d> {
    /// Why to leave it out of the list.
    pub filters: Vec<&'d Cause<'d>>,
    /// Why to cover it.
    pub blurs: Vec<&'d Cause<'d>>,
    /// Why to show a warning beside it.
    pub alerts: Vec<&'d Cause<'d>>,
    /// Why to show a remark beside it.
    pub informs: Vec<&'d Cause<'d>>,
    /// Whether the user must not uncover it.
    pub no_override: bool,
}

impl<'a> Decision<'a> {
    pub(super) const fn new(did: &'a str, is_me: bool) -> Self {
        Self { did, is_me, causes: Vec::new() }
    }

    /// This, with the causes of another one after its own.
    pub fn merge(mut self, other: Self) -> Self {
        self.causes.extend(other.causes);
        self
    }

    /// As it counts for what quotes this.
    pub fn downgrade(mut self) -> Self {
        self.causes.iter_mut().for_each(|cause| cause.is_downgraded = true);
        self
    }

    /// The first block, in either direction.
    pub fn block(&self) -> Option<&Cause<'a>> {
        self.causes.iter().find(|cause| matches!(cause.kind, CauseKind::Blocking | CauseKind::BlockedBy))
    }

    /// The first mute of an account.
    pub fn mute(&self) -> Option<&Cause<'a>> {
        self.causes.iter().find(|cause| matches!(cause.kind, CauseKind::Muted))
    }

    /// The labels.
    pub fn labels(&self) -> impl Iterator<Item = &LabelCause<'a>> {
        self.causes.iter().filter_map(|cause| match &cause.kind {
            CauseKind::Label(label) => Some(label),
            _ => None,
        })
    }

    /// What to do in this context.
    pub fn ui(&self, context: Context) -> Ui<'_> {
        let mut ui = Ui::default();
        for cause in &self.causes {
            if self.is_me && cause.is_about_others() {
                continue;
            }
            if cause.filters(context, self.is_me) {
                ui.filters.push(cause);
            }
            if cause.is_downgraded {
                continue;
            }
            match cause.behavior().get(context) {
                Some(Action::Blur) => {
                    ui.no_override |= cause.is_final() && !self.is_me;
                    ui.blurs.push(cause);
                }
                Some(Action::Alert) => ui.alerts.push(cause),
                Some(Action::Inform) => ui.informs.push(cause),
                None => {}
            }
        }
        ui.filters.sort_by_key(|cause| cause.priority);
        ui.blurs.sort_by_key(|cause| cause.priority);
        ui
    }

    pub(super) fn push(&mut self, kind: CauseKind<'a>, source: Source<'a>) {
        let priority = match kind {
            CauseKind::Blocking => 3,
            CauseKind::BlockedBy => 4,
            _ => 6,
        };
        self.causes.push(Cause { kind, source, priority, is_downgraded: false });
    }
}

impl Cause<'_> {
    /// What is done in each context.
    pub fn behavior(&self) -> Behavior {
        match &self.kind {
            CauseKind::Blocking | CauseKind::BlockedBy => Behavior::BLOCK,
            CauseKind::Muted => Behavior::MUTE,
            CauseKind::MutedWord(_) | CauseKind::Hidden => Behavior::CONTENT,
            CauseKind::Label(label) => label.behavior,
        }
    }

    /// Whether it comes to nothing on what is the user's own.
    fn is_about_others(&self) -> bool {
        !matches!(self.kind, CauseKind::Hidden | CauseKind::Label(_))
    }

    /// Whether what is covered stays so.
    fn is_final(&self) -> bool {
        match &self.kind {
            CauseKind::Blocking | CauseKind::BlockedBy => true,
            CauseKind::Label(label) => label.is_final,
            _ => false,
        }
    }

    /// Whether it leaves something out of the list.
    fn filters(&self, context: Context, is_me: bool) -> bool {
        match &self.kind {
            CauseKind::Label(LabelCause { setting: Setting::Hide, target, .. }) if !is_me => {
                match context {
                    // A bad profile or post is no reason not to show who made it.
                    Context::ProfileList => *target == Target::Account,
                    Context::ContentList => matches!(target, Target::Account | Target::Content),
                    _ => false,
                }
            }
            CauseKind::Label(_) => false,
            CauseKind::MutedWord(_) => context == Context::ContentList,
            _ => context.is_list(),
        }
    }
}

impl Ui<'_> {
    /// Whether to leave it out of the list.
    pub fn filter(&self) -> bool {
        !self.filters.is_empty()
    }

    /// Whether to cover it.
    pub fn blur(&self) -> bool {
        !self.blurs.is_empty()
    }

    /// Whether to show a warning beside it.
    pub fn alert(&self) -> bool {
        !self.alerts.is_empty()
    }

    /// Whether to show a remark beside it.
    pub fn inform(&self) -> bool {
        !self.informs.is_empty()
    }
}
