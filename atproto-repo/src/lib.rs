//! Repositories of AT Protocol.

pub mod car;
pub mod mst;
pub mod repo;
pub mod store;
