//! Who asks: what is added to a request so that its server knows, and how a server knows.

#[cfg(feature = "service-auth")]
mod fields;
#[cfg(feature = "client")]
mod file_store;
#[cfg(feature = "service-auth")]
mod jwt;
#[cfg(feature = "oauth")]
pub mod oauth;
#[cfg(feature = "client")]
mod password;
#[cfg(any(feature = "oauth", feature = "server"))]
pub(crate) mod percent;
#[cfg(feature = "oauth")]
pub mod scope;
#[cfg(feature = "service-auth")]
pub mod service;
#[cfg(feature = "client")]
mod store;
#[cfg(feature = "client")]
mod vouch;

pub use crate::error::AuthError;
#[cfg(feature = "service-auth")]
pub use fields::FieldFault;
#[cfg(feature = "client")]
pub use file_store::FileStore;
#[cfg(feature = "service-auth")]
pub use jwt::JwtError;
#[cfg(feature = "client")]
pub use password::{Login, PasswordSession};
#[cfg(feature = "client")]
pub use store::{MemoryStore, Secret, SessionData, SessionStore};
#[cfg(feature = "client")]
pub use vouch::{Anonymous, Auth, Fixed};
