//! A lexicon of one's own, as types: a record, a query, and a reference to a type of `com.atproto`.
//!
//! `lexicons/` holds the documents, `build.rs` generates the types, and [`lexicons`] takes them in. There are no macros to
//! learn, and no schema is needed at run time.

/// The generated types, by the segments of their NSIDs.
pub mod lexicons {
    include!(concat!(env!("OUT_DIR"), "/lexicons.rs"));
}
