//! The constraints of Lexicon on values, and how a value that breaks them is reported: what [`Validate`] of generated types
//! and `validate` over schemas have in common.
//!
//! ```
//! use atproto_lexicon::check::{Checker, Reason};
//!
//! let mut checker = Checker::all();
//! checker.at("tags", |checker| checker.items(9, ..=8));
//! let failures = checker.finish().unwrap_err();
//! assert_eq!(failures.first().to_string(), "/tags: 9 items, at most 8 are allowed");
//! ```

mod reason;
mod rules;

use crate::data::{BlobRef, Bytes, Link, Object, Value};
use crate::syntax::{
    AtIdentifier, AtUri, CidString, Datetime, Did, Handle, Language, Nsid, RecordKey, Tid, Uri,
};

pub use reason::{Failure, Failures, Reason};

/// A type with constraints, checked without a schema. What it was decoded from has been checked by then, but for blobs of before
/// 2023 ([`LegacyBlob`](crate::data::LegacyBlob)), which are read and pass; `validate` refuses them unless it is lenient.
pub trait Validate {
    /// Reports each constraint that the value breaks; a type without constraints leaves it as it is.
    fn check<'a>(&'a self, checker: &mut Checker<'a>) {
        let _ = checker;
    }

    /// Checks all constraints.
    ///
    /// # Errors
    /// All that are broken, with their places.
    fn validate(&self) -> Result<(), Failures> {
        let mut checker = Checker::all();
        self.check(&mut checker);
        checker.finish()
    }
}

impl<T: Validate + ?Sized> Validate for Box<T> {
    fn check<'a>(&'a self, checker: &mut Checker<'a>) {
        (**self).check(checker);
    }
}

impl<T: Validate> Validate for Vec<T> {
    fn check<'a>(&'a self, checker: &mut Checker<'a>) {
        checker.each(self, |checker, item| item.check(checker));
    }
}

/// Types that are right as they are.
macro_rules! unconstrained {
    ($($ty:ty)*) => {
        $(impl Validate for $ty {})*
    };
}
unconstrained! {
    bool i64 String AtIdentifier AtUri CidString Datetime Did Handle Language Nsid RecordKey Tid Uri BlobRef Bytes Link Object Value
}

/// Collects failures, and knows where in the value it is.
#[derive(Debug)]
pub struct Checker<'a> {
    path: Vec<Step<'a>>,
    failures: Vec<Failure>,
    /// Definitions that are not known, which are no faults of the value.
    unknown: Vec<Failure>,
    max: usize,
    /// How many bytes further paths may have.
    room: usize,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

/// So many failures say all there is to say.
const MAX_FAILURES: usize = 1000;

/// Bytes of their paths: a value of long names that hold one another would make each as long as itself.
const MAX_PATHS: usize = 1 << 20;

impl<'a> Checker<'a> {
    fn new(max: usize) -> Self {
        Self { path: Vec::new(), failures: Vec::new(), unknown: Vec::new(), max, room: MAX_PATHS }
    }

    /// To collect all failures, or the first ones: a thousand, and 1 MiB of paths.
    pub fn all() -> Self {
        Self::new(MAX_FAILURES)
    }

    /// To stop at the first failure. A definition that is not known is reported where nothing else is wrong.
    pub fn first() -> Self {
        Self::new(1)
    }

    /// Whether further failures would not be reported, so that one can stop.
    pub fn is_done(&self) -> bool {
        self.room == 0 || self.failures.len() >= self.max
    }

    /// Reports a failure of the value that the checker is at.
    #[cold]
    pub fn fail(&mut self, reason: Reason) {
        let full = match reason {
            Reason::UnknownDefinition(_) => self.unknown.len() >= self.max,
            _ => false,
        };
        if full || self.is_done() {
            return;
        }
        let failure = Failure { path: self.pointer(), reason };
        self.room = self.room.saturating_sub(failure.path.len());
        match failure.reason {
            Reason::UnknownDefinition(_) => self.unknown.push(failure),
            _ => self.failures.push(failure),
        }
    }

    /// How many steps it is from the whole value to where the checker is.
    #[cfg(feature = "validate")]
    pub(crate) fn depth(&self) -> usize {
        self.path.len()
    }

    /// The JSON pointer to where the checker is.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.path {
            pointer.push('/');
            match step {
                Step::Name(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        pointer
    }

    fn step(&mut self, step: Step<'a>, check: impl FnOnce(&mut Self)) {
        if !self.is_done() {
            self.path.push(step);
            check(self);
            self.path.pop();
        }
    }

    /// Checks what lies under a name.
    pub fn at(&mut self, name: &'a str, check: impl FnOnce(&mut Self)) {
        self.step(Step::Name(name), check);
    }

    /// Checks each item of an array.
    pub fn each<T>(&mut self, items: &'a [T], mut check: impl FnMut(&mut Self, &'a T)) {
        for (index, item) in items.iter().enumerate() {
            self.step(Step::Index(index), |checker| check(checker, item));
        }
    }

    /// Checks a field.
    pub fn field<T>(&mut self, name: &'a str, value: &'a T, check: impl FnOnce(&mut Self, &'a T)) {
        self.at(name, |checker| check(checker, value));
    }

    /// Checks a field where it is there.
    pub fn optional<T>(&mut self, name: &'a str, value: &'a Option<T>, check: impl FnOnce(&mut Self, &'a T)) {
        if let Some(value) = value {
            self.field(name, value, check);
        }
    }

    /// What was found.
    ///
    /// # Errors
    /// The failures, where there are any.
    pub fn finish(mut self) -> Result<(), Failures> {
        self.failures.append(&mut self.unknown);
        self.failures.truncate(self.max);
        Failures::new(self.failures)
    }
}
