//! The vocabulary of AT Protocol: string formats and the data model.
