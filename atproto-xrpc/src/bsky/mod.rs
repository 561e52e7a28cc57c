//! What applications on Bluesky's lexicons compute alike: text with facets ([`rich_text`]), and what of a post or a profile is
//! shown to whom ([`moderation`]).
//!
//! There is no IO here: records and views come from [`api`](crate::api), clocks and resolvers of handles are passed in.

pub mod moderation;
pub mod rich_text;
mod unicode;
