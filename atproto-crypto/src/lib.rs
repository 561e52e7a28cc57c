//! Keys and signatures of AT Protocol.
