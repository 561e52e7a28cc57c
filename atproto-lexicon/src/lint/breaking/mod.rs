use super::report::{Finding, Report, rules};
use crate::schema::{Catalog, Place};

mod compare;
mod field;

/// A change between two versions of a document that old or new data, or those who read it, may not survive.
pub type Change = Finding<ChangeRule>;

rules! {
    /// A rule on changes. Names are stable.
    ChangeRule {
        /// A required field or parameter that was not there before: old data does not have it.
        RequiredAdded "required-added" Error,
        /// A required field is gone, or has another name: readers of the old version need it.
        RequiredRemoved "required-removed" Error,
        /// A field that was optional is required.
        BecameRequired "became-required" Error,
        /// A field that was required is optional.
        BecameOptional "became-optional" Error,
        /// A definition or field is of another type.
        TypeChanged "type-changed" Error,
        /// A `ref` leads to another definition.
        ReferenceChanged "reference-changed" Error,
        /// Records have other keys.
        KeyChanged "key-changed" Error,
        /// A body has another encoding.
        EncodingChanged "encoding-changed" Error,
        /// An endpoint has a body that it had not, or has it no more.
        BodyChanged "body-changed" Error,
        /// A body's JSON has a schema that it had not, or has it no more.
        SchemaChanged "schema-changed" Error,
        /// A property that could not be `null` can be, or the other way round.
        NullableChanged "nullable-changed" Error,
        /// Another `const`, or one that was not there or is there no more.
        ConstChanged "const-changed" Error,
        /// Other values in an `enum`, or one that was not there or is there no more.
        EnumChanged "enum-changed" Error,
        /// Another `format`, or one that was not there or is there no more.
        FormatChanged "format-changed" Error,
        /// A closed union is open.
        UnionOpened "union-opened" Error,
        /// An open union is closed.
        UnionClosed "union-closed" Error,
        /// A closed union has other members.
        ClosedMembersChanged "closed-members-changed" Error,
        /// An open union has lost a member.
        MemberRemoved "member-removed" Warning,
        /// Another `minLength` or `maxLength`.
        LengthChanged "length-changed" Warning,
        /// Another `minGraphemes` or `maxGraphemes`.
        GraphemesChanged "graphemes-changed" Warning,
        /// Another `minimum` or `maximum`.
        RangeChanged "range-changed" Warning,
        /// Another `accept` of a blob.
        AcceptChanged "accept-changed" Warning,
        /// Another `maxSize` of a blob.
        SizeChanged "size-changed" Warning,
        /// `knownValues` has lost a value.
        KnownValueRemoved "known-value-removed" Warning,
        /// Another `default`.
        DefaultChanged "default-changed" Warning,
        /// A permission set allows something else.
        PermissionChanged "permission-changed" Warning,
        /// So much has changed that the rest is left out.
        TooMany "too-many" Error,
    }
}

/// What changed between two versions of a catalog that may break those who have data or code of the other version
/// (<https://atproto.com/specs/lexicon#lexicon-evolution>): new data has to be valid under the old schema, and old data under the
/// new one.
///
/// Documents, definitions, optional fields, values of `knownValues`, members of open unions and names of errors may be added.
/// Documents, definitions, optional fields and names of errors may be removed; whether something still refers to a definition is
/// for [`lint`](super::lint). Descriptions may change.
///
/// Changes come by document and place. Pointers are into the new document, and where something was removed, into the old one.
pub fn breaking(old: &Catalog, new: &Catalog) -> Vec<Change> {
    let mut changes = Vec::new();
    for document in old.documents() {
        let Some(other) = new.document(&document.id) else { continue };
        let mut comparer = compare::Comparer { report: Report::new(&document.id) };
        let root = Place::root();
        let defs = root.name("defs");
        for (name, def) in &document.defs {
            if let Some(other) = other.defs.get(name) {
                comparer.defs(def, other, &defs.name(name));
            }
        }
        changes.append(&mut comparer.report.finish());
    }
    changes
}
