//! What the programs in `src/bin` share. Each of them is told what to do by its arguments, keeps what it has done in a file or folder that
//! is named there, and can be killed at any time: started again, it goes on.

pub mod connect;
pub mod follow;
pub mod keep;
pub mod service;
pub mod stop;

pub use stop::{Done, Stop, run};
