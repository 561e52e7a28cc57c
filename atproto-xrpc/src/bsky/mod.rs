//! What applications on Bluesky's lexicons compute alike: text with facets ([`rich_text`]).
//!
//! There is no IO here: records come from [`api`](crate::api), resolvers of handles are passed in.

pub mod rich_text;
mod unicode;
