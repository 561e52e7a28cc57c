//! Values against the schemas of a [`Catalog`] (<https://atproto.com/specs/lexicon>): records, query parameters, inputs,
//! outputs, messages of subscriptions, and any named definition.
//!
//! ```
//! use atproto_lexicon::data::json;
//! use atproto_lexicon::schema::{Catalog, Document};
//! use atproto_lexicon::validate::{ValidateError, Validator};
//!
//! let mut catalog = Catalog::new();
//! catalog.insert(Document::from_json(br#"{
//!     "lexicon": 1,
//!     "id": "com.example.note",
//!     "defs": {"main": {"type": "record", "key": "tid", "record": {
//!         "type": "object",
//!         "required": ["text"],
//!         "properties": {"text": {"type": "string", "maxGraphemes": 5}}
//!     }}}
//! }"#)?)?;
//! let validator = Validator::new(&catalog);
//! let (nsid, rkey) = ("com.example.note".parse()?, "3jzfcijpj2z2a".parse()?);
//!
//! let good = json::from_str(r#"{"$type": "com.example.note", "text": "hello", "more": 1}"#)?;
//! validator.validate_record(&nsid, &rkey, &good)?;
//!
//! let long = json::from_str(r#"{"$type": "com.example.note", "text": "too long"}"#)?;
//! let Err(ValidateError::Invalid(failures)) = validator.validate_record(&nsid, &rkey, &long) else { panic!() };
//! assert_eq!(failures.to_string(), "/text: more than 5 graphemes");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is a failure
//!
//! - Fields that the schema does not have are allowed, and must keep the rules of the data model. A default is not filled in.
//! - `null` is allowed only for what is `nullable`.
//! - A record has its NSID as `$type` wherever it stands, also behind a `ref` or in a union.
//! - An object in a union has a `$type`. One of the union's members must be as its definition says. Any other is a failure in a
//!   closed union, and in an open one only has to keep the rules of the data model, even if the catalog has a definition of it.
//!   `nsid#main` is nobody's `$type`: it counts as another one.
//! - `unknown` is an object that does not have the form of a blob, bytes or a link. `{cid, mimeType}` is allowed there: nothing
//!   tells a legacy blob from an object that happens to have these fields.
//! - A reference to a token, or to anything else that is no type of data, fails for every value.
//! - A definition that a reference leads to and the catalog has not makes the verdict [`ValidateError::Incomplete`], unless
//!   something else is wrong. A variant that a value is not of does not have to be known.
//! - Whether a blob's `ref` is a link to a `raw` block was for the reader of the value to say.
//!
//! Time is proportional to the size of the value, times the longest `enum`, `nullable` or list of members in the schema.

mod params;
mod walk;

#[cfg(test)]
mod tests;

use crate::check::{Checker, Failures, Reason};
use crate::data::{ModelError, Object, Value};
#[cfg(feature = "lint")]
use crate::schema::Type;
use crate::schema::{Body, Catalog, DefKind, EndpointType, ObjectType, RecordKeyKind, Reference, Schema};
use crate::syntax::{Format, Nsid, RecordKey};
use walk::Walk;

/// Checks values against the schemas of a catalog: strictly, and reporting all failures (of very many the first thousand).
#[derive(Debug, Clone, Copy)]
pub struct Validator<'c> {
    catalog: &'c Catalog,
    lenient: bool,
    first_only: bool,
}

/// A value is not as its schema says, or that could not be found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValidateError {
    /// The catalog does not have the definition that was asked for.
    #[error("there is no definition {0}")]
    Unknown(Reference),
    /// The definition that was asked for is of another kind.
    #[error("{reference} is of the type {found:?} and no {expected}")]
    Kind {
        /// The definition.
        reference: Reference,
        /// The kind that was asked for.
        expected: &'static str,
        /// The definition's type.
        found: &'static str,
    },
    /// The endpoint that was asked for has no such body.
    #[error("{endpoint} has no {body}")]
    NoBody {
        /// The endpoint.
        endpoint: Nsid,
        /// `input` or `output`.
        body: &'static str,
    },
    /// The value breaks constraints.
    #[error(transparent)]
    Invalid(Failures),
    /// Nothing was found to be wrong, but definitions that the schema refers to are not known.
    #[error(transparent)]
    Incomplete(Failures),
}

type Result<T> = std::result::Result<T, ValidateError>;

impl<'c> Validator<'c> {
    /// A validator for the schemas of a catalog.
    pub fn new(catalog: &'c Catalog) -> Self {
        Self { catalog, lenient: false, first_only: false }
    }

    /// Lets two things pass that are found in old records:
    ///
    /// - a blob in the legacy form `{cid, mimeType}`, where `cid` is the text of a CID; the media type must be one that is accepted,
    ///   and the size is not known;
    /// - a text that is not of its `format`; its length, `enum` and `const` are checked.
    #[must_use]
    pub fn lenient(self) -> Self {
        Self { lenient: true, ..self }
    }

    /// Stops at the first failure.
    #[must_use]
    pub fn first_only(self) -> Self {
        Self { first_only: true, ..self }
    }

    /// Checks a record: its `$type`, its fields, and whether it can have this key
    /// (<https://atproto.com/specs/record-key#record-key-types>).
    ///
    /// # Errors
    /// [`ValidateError::Unknown`] and [`ValidateError::Kind`] where the catalog has no record of this NSID;
    /// [`ValidateError::Invalid`] and [`ValidateError::Incomplete`] for what was found.
    pub fn validate_record(&self, nsid: &Nsid, rkey: &RecordKey, value: &Value) -> Result<()> {
        self.record(nsid, Some(rkey), value)
    }

    /// [`validate_record`](Self::validate_record) of a record whose key is not known.
    ///
    /// # Errors
    /// As those of `validate_record`.
    pub fn validate_record_without_key(&self, nsid: &Nsid, value: &Value) -> Result<()> {
        self.record(nsid, None, value)
    }

    /// Checks an object against the definition that its own `$type` names. That it is of the type which the caller needs is for
    /// the caller to see.
    ///
    /// # Errors
    /// [`ValidateError::Unknown`] and [`ValidateError::Kind`] where the catalog has no record or object of this name;
    /// [`ValidateError::Invalid`] for a value without `$type`, too.
    pub fn validate_by_type(&self, value: &Value) -> Result<()> {
        let invalid = |reason| self.run(|_, checker| checker.fail(reason));
        let Some(object) = value.as_object() else {
            return invalid(Reason::Type { expected: "an object" });
        };
        let name = match object.get("$type") {
            Some(Value::String(name)) => name,
            Some(_) => return invalid(Reason::Model(ModelError::Type)),
            None => return invalid(Reason::NoType),
        };
        match Reference::from_type(name) {
            Ok(reference) => self.validate_definition(&reference, value),
            Err(_) => invalid(Reason::TypeName(name.clone())),
        }
    }

    /// Checks a value against a named definition: a type or a record.
    ///
    /// # Errors
    /// [`ValidateError::Unknown`] and [`ValidateError::Kind`] where the catalog has no definition that values can be of;
    /// [`ValidateError::Invalid`] and [`ValidateError::Incomplete`] for what was found.
    pub fn validate_definition(&self, reference: &Reference, value: &Value) -> Result<()> {
        match self.kind(reference)? {
            DefKind::Record(_) | DefKind::Type(_) => {
                self.run(|walk, checker| walk.definition(checker, reference, value))
            }
            other => Err(wrong(reference.clone(), "type of data", other)),
        }
    }

    /// Checks the parameters of an endpoint or subscription as typed values; names that it does not have are ignored. A single
    /// value for an array is an array of one, as it is in a URL.
    ///
    /// # Errors
    /// [`ValidateError::Unknown`] and [`ValidateError::Kind`] where the catalog has no query, procedure or subscription of this
    /// NSID; [`ValidateError::Invalid`] for what was found.
    pub fn validate_params(&self, nsid: &Nsid, params: &Object) -> Result<()> {
        match self.params_of(nsid)? {
            Some(ty) => self.run(|walk, checker| walk.params(checker, ty, params)),
            None => Ok(()),
        }
    }

    /// Reads the parameters of an endpoint or subscription from the names and values of a URL's query, percent-decoded and in
    /// their order, and checks them. A repeated name is an array. Names that the endpoint does not have are left out, and
    /// defaults are not filled in. Booleans are `true` and `false`; integers are decimal.
    ///
    /// # Errors
    /// As those of [`validate_params`](Self::validate_params).
    pub fn validate_query<N: AsRef<str>, V: AsRef<str>>(
        &self,
        nsid: &Nsid,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Object> {
        let Some(ty) = self.params_of(nsid)? else {
            return Ok(Object::new());
        };
        let params = params::read(ty, pairs);
        self.run(|walk, checker| walk.params(checker, ty, &params))?;
        Ok(params)
    }

    /// Checks the JSON of a procedure's request. Where the procedure has an input without a schema, every value passes.
    ///
    /// # Errors
    /// [`ValidateError::Unknown`], [`ValidateError::Kind`] and [`ValidateError::NoBody`] where the catalog has no procedure of
    /// this NSID, or one without input; [`ValidateError::Invalid`] and [`ValidateError::Incomplete`] for what was found.
    pub fn validate_input(&self, nsid: &Nsid, value: &Value) -> Result<()> {
        match self.kind(&Reference::main(nsid.clone()))? {
            DefKind::Procedure(EndpointType { input, .. }) => self.body(nsid, "input", input.as_ref(), value),
            other => Err(wrong(Reference::main(nsid.clone()), "procedure", other)),
        }
    }

    /// Checks the JSON of a query's or procedure's response. Where it has an output without a schema, every value passes.
    ///
    /// # Errors
    /// [`ValidateError::Unknown`], [`ValidateError::Kind`] and [`ValidateError::NoBody`] where the catalog has no query or
    /// procedure of this NSID, or one without output; [`ValidateError::Invalid`] and [`ValidateError::Incomplete`] for what was
    /// found.
    pub fn validate_output(&self, nsid: &Nsid, value: &Value) -> Result<()> {
        match self.kind(&Reference::main(nsid.clone()))? {
            DefKind::Query(EndpointType { output, .. }) | DefKind::Procedure(EndpointType { output, .. }) => {
                self.body(nsid, "output", output.as_ref(), value)
            }
            other => Err(wrong(Reference::main(nsid.clone()), "query or procedure", other)),
        }
    }

    /// Checks the body of a subscription's message, which needs no `$type`: `name` is the `t` of the frame's header, `#name` or
    /// `nsid#name` (<https://atproto.com/specs/event-stream#framing>).
    ///
    /// # Errors
    /// [`ValidateError::Unknown`] and [`ValidateError::Kind`] where the catalog has no subscription of this NSID;
    /// [`ValidateError::Invalid`] and [`ValidateError::Incomplete`] for what was found.
    pub fn validate_message(&self, nsid: &Nsid, name: &str, body: &Value) -> Result<()> {
        match self.kind(&Reference::main(nsid.clone()))? {
            DefKind::Subscription(subscription) => {
                let name = if name.starts_with('#') { format!("{nsid}{name}") } else { name.to_owned() };
                self.run(|walk, checker| walk.variant(checker, &subscription.message, &name, body))
            }
            other => Err(wrong(Reference::main(nsid.clone()), "subscription", other)),
        }
    }

    fn record(&self, nsid: &Nsid, rkey: Option<&RecordKey>, value: &Value) -> Result<()> {
        let reference = Reference::main(nsid.clone());
        match self.kind(&reference)? {
            DefKind::Record(record) => self.run(|walk, checker| {
                if let Some(rkey) = rkey
                    && !is_allowed(&record.key, rkey)
                {
                    checker.fail(Reason::RecordKey(rkey.as_str().into()));
                }
                walk.record(checker, nsid, record, value);
            }),
            other => Err(wrong(reference, "record", other)),
        }
    }

    fn body(&self, nsid: &Nsid, name: &'static str, body: Option<&'c Body>, value: &Value) -> Result<()> {
        match body {
            Some(Body { schema: Some(Schema { ty, .. }), .. }) => {
                self.run(|walk, checker| walk.value(checker, ty, value))
            }
            Some(Body { schema: None, .. }) => self.run(|_, checker| walk::model(checker, value)),
            None => Err(ValidateError::NoBody { endpoint: nsid.clone(), body: name }),
        }
    }

    fn params_of(&self, nsid: &Nsid) -> Result<Option<&'c ObjectType>> {
        match self.kind(&Reference::main(nsid.clone()))? {
            DefKind::Query(endpoint) | DefKind::Procedure(endpoint) => Ok(endpoint.parameters.as_ref()),
            DefKind::Subscription(subscription) => Ok(subscription.parameters.as_ref()),
            other => Err(wrong(Reference::main(nsid.clone()), "query, procedure or subscription", other)),
        }
    }

    fn kind(&self, reference: &Reference) -> Result<&'c DefKind> {
        match self.catalog.get(reference) {
            Some(def) => Ok(&def.kind),
            None => Err(ValidateError::Unknown(reference.clone())),
        }
    }

    /// Collects what a check finds.
    fn run<'a>(&self, check: impl FnOnce(Walk<'a>, &mut Checker<'a>)) -> Result<()>
    where
        'c: 'a,
    {
        let mut checker = if self.first_only { Checker::first() } else { Checker::all() };
        check(Walk { catalog: self.catalog, lenient: self.lenient }, &mut checker);
        checker.finish().map_err(|failures| {
            if failures.is_incomplete() {
                ValidateError::Incomplete(failures)
            } else {
                ValidateError::Invalid(failures)
            }
        })
    }
}

/// Why a value without references, such as a default, is not of its type.
#[cfg(feature = "lint")]
pub(crate) fn fault(ty: &Type, value: &Value) -> Option<Reason> {
    let catalog = Catalog::new();
    let mut checker = Checker::first();
    Walk { catalog: &catalog, lenient: false }.value(&mut checker, ty, value);
    checker.finish().err().map(|failures| failures.first().reason.clone())
}

fn wrong(reference: Reference, expected: &'static str, found: &DefKind) -> ValidateError {
    ValidateError::Kind { reference, expected, found: found.name() }
}

/// Whether records of a type can have this key.
fn is_allowed(kind: &RecordKeyKind, rkey: &RecordKey) -> bool {
    match kind {
        RecordKeyKind::Tid => Format::Tid.check(rkey.as_str()).is_ok(),
        RecordKeyKind::Nsid => Format::Nsid.check(rkey.as_str()).is_ok(),
        RecordKeyKind::Any => true,
        RecordKeyKind::Literal(literal) => literal == rkey,
    }
}
