use super::behavior::{Action, Behavior, Target};
use super::preferences::Setting;
use crate::api::app::bsky::labeler::defs::LabelerViewDetailed;
use crate::api::com::atproto::label::defs::{
    LabelValueDefinition, LabelValueDefinitionBlurs as Blurs,
    LabelValueDefinitionDefaultSetting as DefaultSetting, LabelValueDefinitionSeverity as Severity,
    LabelValueDefinitionStrings,
};
use atproto_lexicon::typed::{Did, Validate as _};
use std::borrow::Cow;

/// What a label's value means.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelDefinition {
    /// The value.
    pub identifier: Cow<'static, str>,
    /// The labeler whose definition it is; `None` for those that all labelers share.
    pub defined_by: Option<Did>,
    /// Whether users may set what is done; otherwise it is `default_setting`.
    pub is_configurable: bool,
    /// What is done where the user has not said anything.
    pub default_setting: Setting,
    /// Whether it is about what is for adults only.
    pub is_adult: bool,
    /// Whether what is covered stays so.
    pub is_final: bool,
    /// Whether it means something only to those who are not logged in.
    pub is_unauthed: bool,
    /// Whether accounts can put it on what is theirs.
    pub is_for_self: bool,
    /// How bad it is, as declared.
    pub severity: Severity,
    /// What it covers, as declared.
    pub blurs: Blurs,
    /// Names and descriptions, by language.
    pub locales: Vec<LabelValueDefinitionStrings>,
    /// What is done where an account has it.
    pub account: Behavior,
    /// What is done where a profile record has it.
    pub profile: Behavior,
    /// What is done where another record has it.
    pub content: Behavior,
}

impl LabelDefinition {
    /// The definition that all labelers share of a value.
    pub fn global(value: &str) -> Option<&'static Self> {
        GLOBAL.iter().find(|definition| definition.identifier == value)
    }

    /// A labeler's own definition.
    pub fn custom(declared: &LabelValueDefinition, defined_by: Option<Did>) -> Self {
        let remark = match declared.severity {
            Severity::Alert => Some(Action::Alert),
            Severity::Inform => Some(Action::Inform),
            _ => None,
        };
        let is_adult = declared.adult_only == Some(true);
        let (account, profile, content) = behaviors(&declared.blurs, remark, is_adult);
        Self {
            identifier: Cow::Owned(declared.identifier.clone()),
            defined_by,
            is_configurable: true,
            default_setting: match declared.default_setting {
                Some(DefaultSetting::Hide) => Setting::Hide,
                Some(DefaultSetting::Ignore) => Setting::Ignore,
                _ => Setting::Warn,
            },
            is_adult,
            is_final: false,
            is_unauthed: false,
            is_for_self: false,
            severity: declared.severity.clone(),
            blurs: declared.blurs.clone(),
            locales: declared.locales.clone(),
            account,
            profile,
            content,
        }
    }

    /// A labeler's own definitions; those which break their schema are left out.
    pub fn of_labeler(labeler: &LabelerViewDetailed) -> Vec<Self> {
        let declared = labeler.policies.label_value_definitions.iter().flatten();
        declared
            .filter(|declared| declared.validate().is_ok())
            .map(|declared| Self::custom(declared, Some(labeler.creator.did.clone())))
            .collect()
    }

    /// What is done where the target has it.
    pub const fn behavior(&self, target: Target) -> Behavior {
        match target {
            Target::Account => self.account,
            Target::Profile => self.profile,
            Target::Content => self.content,
        }
    }

    /// One that the network's services set; users cannot say what is done.
    const fn system(
        identifier: &'static str,
        default_setting: Setting,
        severity: Severity,
        account: Behavior,
    ) -> Self {
        let profile = Behavior { display_name: Some(Action::Blur), ..Behavior::PICTURES };
        Self::shared(
            identifier,
            default_setting,
            severity,
            Blurs::Content,
            (account, profile, Behavior::CONTENT),
        )
    }

    /// One about pictures and videos.
    const fn media(identifier: &'static str, default_setting: Setting, is_adult: bool) -> Self {
        let behaviors = (Behavior::PICTURES, Behavior::PICTURES, Behavior::MEDIA);
        let mut definition =
            Self::shared(identifier, default_setting, Severity::None, Blurs::Media, behaviors);
        definition.is_configurable = true;
        definition.is_adult = is_adult;
        definition.is_for_self = true;
        definition
    }

    const fn shared(
        identifier: &'static str,
        default_setting: Setting,
        severity: Severity,
        blurs: Blurs,
        (account, profile, content): (Behavior, Behavior, Behavior),
    ) -> Self {
        Self {
            identifier: Cow::Borrowed(identifier),
            defined_by: None,
            is_configurable: false,
            default_setting,
            is_adult: false,
            is_final: false,
            is_unauthed: false,
            is_for_self: false,
            severity,
            blurs,
            locales: Vec::new(),
            account,
            profile,
            content,
        }
    }
}

static GLOBAL: [LabelDefinition; 8] =
    [HIDE, WARN, NO_UNAUTHENTICATED, PORN, SEXUAL, NUDITY, GRAPHIC_MEDIA, GORE];

const HIDE: LabelDefinition = {
    let mut hide = LabelDefinition::system("!hide", Setting::Hide, Severity::Alert, Behavior::ALL_BLURRED);
    hide.is_final = true;
    hide
};
const WARN: LabelDefinition = {
    let account = Behavior { display_name: None, ..Behavior::ALL_BLURRED };
    LabelDefinition::system("!warn", Setting::Warn, Severity::None, account)
};
const NO_UNAUTHENTICATED: LabelDefinition = {
    let value = "!no-unauthenticated";
    let mut definition = LabelDefinition::system(value, Setting::Hide, Severity::None, Behavior::ALL_BLURRED);
    definition.is_final = true;
    definition.is_unauthed = true;
    definition.is_for_self = true;
    definition
};
const PORN: LabelDefinition = LabelDefinition::media("porn", Setting::Hide, true);
const SEXUAL: LabelDefinition = LabelDefinition::media("sexual", Setting::Warn, true);
const NUDITY: LabelDefinition = LabelDefinition::media("nudity", Setting::Ignore, false);
const GRAPHIC_MEDIA: LabelDefinition = LabelDefinition::media("graphic-media", Setting::Warn, true);
/// The name that `graphic-media` had.
const GORE: LabelDefinition = LabelDefinition::media("gore", Setting::Warn, true);

/// What is done on accounts, on profiles and on other records by a definition that covers this, with a remark of this kind.
fn behaviors(blurs: &Blurs, remark: Option<Action>, is_adult: bool) -> (Behavior, Behavior, Behavior) {
    let profile = Behavior { profile_list: remark, profile_view: remark, ..Behavior::NONE };
    let with_content = |content_list, content_view| {
        let content = Behavior { content_list, content_view, ..Behavior::NONE };
        (Behavior { content_list, content_view, ..profile }, profile, content)
    };
    match blurs {
        Blurs::Content => {
            with_content(Some(Action::Blur), if is_adult { Some(Action::Blur) } else { remark })
        }
        Blurs::None => with_content(remark, remark),
        Blurs::Media => {
            let profile = Behavior { profile_list: remark, profile_view: remark, ..Behavior::PICTURES };
            (profile, profile, Behavior::MEDIA)
        }
        _ => (Behavior::NONE, Behavior::NONE, Behavior::NONE),
    }
}
