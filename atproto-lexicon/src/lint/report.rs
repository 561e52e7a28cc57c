use crate::schema::Place;
use crate::syntax::Nsid;
use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Could be better.
    Note,
    /// Allowed, and likely to be regretted.
    Warning,
    /// Wrong.
    Error,
}

impl Severity {
    /// `note`, `warning` or `error`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Something that a rule has to say about a place in a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding<R = super::Rule> {
    /// The document.
    pub nsid: Nsid,
    /// JSON pointer (RFC 6901) into the document; empty for the document itself.
    pub pointer: String,
    /// The rule.
    pub rule: R,
    /// How bad it is, which the rule says.
    pub severity: Severity,
    /// For people. Names and values in it are quoted.
    pub message: String,
}

impl<R: Rated> fmt::Display for Finding<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} at {}#{}: {}",
            self.severity,
            self.rule.name(),
            self.nsid,
            self.pointer,
            self.message
        )
    }
}

/// What all rules have.
pub trait Rated: Copy + Ord {
    /// Said where there is too much to say.
    const TOO_MANY: Self;
    /// Its name.
    fn name(self) -> &'static str;
    /// How bad it is.
    fn severity(self) -> Severity;
}

/// Declares rules, each with its documentation, name and severity, once for all.
macro_rules! rules {
    ($(#[$doc:meta])* $name:ident { $($(#[doc = $text:literal])+ $variant:ident $rule:literal $severity:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[doc = $text])+ $variant,)+
        }

        impl $name {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name, in kebab case.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $rule,)+
                }
            }

            /// How bad it is.
            pub const fn severity(self) -> $crate::lint::Severity {
                match self {
                    $(Self::$variant => $crate::lint::Severity::$severity,)+
                }
            }

            /// What it says, in one sentence or a few.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($text),+).trim_start(),)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl $crate::lint::report::Rated for $name {
            const TOO_MANY: Self = Self::TooMany;

            fn name(self) -> &'static str {
                self.name()
            }

            fn severity(self) -> $crate::lint::Severity {
                self.severity()
            }
        }
    };
}

pub(super) use rules;

/// Bytes of pointers and messages for one document: its long names may hold one another, and each would be in all of them.
const MAX_TEXT: usize = 1 << 22;

/// Collects what is found in one document.
pub(super) struct Report<R> {
    nsid: Nsid,
    room: usize,
    findings: Vec<Finding<R>>,
}

impl<R: Rated> Report<R> {
    pub(super) fn new(nsid: &Nsid) -> Self {
        Self { nsid: nsid.clone(), room: MAX_TEXT, findings: Vec::new() }
    }

    pub(super) fn find(&mut self, rule: R, place: &Place<'_>, message: fmt::Arguments<'_>) {
        if self.room > 0 {
            self.find_at(rule, place.pointer(), message.to_string());
        }
    }

    pub(super) fn find_at(&mut self, rule: R, pointer: String, message: String) {
        if self.room > 0 {
            self.room =
                self.room.saturating_sub(pointer.len()).saturating_sub(message.len()).saturating_sub(64);
            let (nsid, severity) = (self.nsid.clone(), rule.severity());
            self.findings.push(Finding { nsid, pointer, rule, severity, message });
        }
    }

    /// What was found, by place.
    pub(super) fn finish(mut self) -> Vec<Finding<R>> {
        if self.room == 0 {
            let message = "there is more, which is left out".into();
            let (rule, nsid) = (R::TOO_MANY, self.nsid);
            let pointer = String::new();
            self.findings.push(Finding { nsid, pointer, rule, severity: rule.severity(), message });
        }
        self.findings.sort();
        self.findings
    }
}
