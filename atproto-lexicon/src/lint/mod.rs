//! What is wrong or unwise in the documents of a [`Catalog`](crate::schema::Catalog) ([`lint`]), and what breaks between two
//! versions of one ([`breaking`]).
//!
//! Each finding is of a [`Rule`] or [`ChangeRule`], with a name that stays and a severity. A document that parses can have errors
//! nevertheless: references that lead nowhere, or constraints that no value can meet.
//!
//! ```
//! use atproto_lexicon::lint::{Rule, Severity, breaking, lint};
//! use atproto_lexicon::schema::{Catalog, Document};
//!
//! let catalog = |field: &str| -> Result<Catalog, Box<dyn std::error::Error>> {
//!     let mut catalog = Catalog::new();
//!     catalog.insert(Document::from_json(format!(r#"{{
//!         "lexicon": 1,
//!         "id": "com.example.note",
//!         "defs": {{"main": {{"type": "record", "key": "tid", "description": "A note.", "record": {{
//!             "type": "object", "required": ["text"], "properties": {{"text": {field}}}
//!         }}}}}}
//!     }}"#).as_bytes())?)?;
//!     Ok(catalog)
//! };
//! let old = catalog(r#"{"type": "string"}"#)?;
//! let findings = lint(&old);
//! assert_eq!(findings[0].rule, Rule::Unbounded);
//! assert_eq!(findings[0].pointer, "/defs/main/record/properties/text");
//!
//! let new = catalog(r#"{"type": "integer"}"#)?;
//! let changes = breaking(&old, &new);
//! assert_eq!((changes[0].rule.name(), changes[0].severity), ("type-changed", Severity::Error));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The rules come from the specification (<https://atproto.com/specs/lexicon>, <https://atproto.com/specs/permission>) and from the
//! style guide (<https://atproto.com/guides/lexicon-style-guide>).

mod body;
mod breaking;
mod document;
mod field;
mod graph;
mod names;
mod permission;
mod report;
mod rule;

#[cfg(test)]
mod tests;

pub use breaking::{Change, ChangeRule, breaking};
pub use document::{lint, lint_document};
pub use report::{Finding, Severity};
pub use rule::Rule;
