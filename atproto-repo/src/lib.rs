//! Repositories of AT Protocol.
