//! Sockets by `tokio`.

use super::socket::{Connect, Message, Socket, SocketError};
use atproto_identity::FetchPolicy;
use atproto_identity::adapters::websocket::{self, StreamError, WebSocket};
use atproto_identity::adapters::{Addresses, SystemAddresses};
use std::sync::Arc;

/// Connects with `tokio`, by a policy which is checked on each address after DNS has said what it is. Redirects are not followed, and
/// pings are answered while a message is waited for.
#[derive(Debug, Clone, Default)]
pub struct WebSockets<A = SystemAddresses> {
    policy: FetchPolicy,
    addresses: A,
}

impl WebSockets {
    /// By a policy, with the addresses that the system knows. The policy's time limits are those of an attempt to connect.
    pub fn new(policy: FetchPolicy) -> Self {
        Self::with_addresses(policy, SystemAddresses)
    }
}

impl<A: Addresses> WebSockets<A> {
    /// By a policy, with the addresses that something else knows, such as `HickoryDns`.
    pub fn with_addresses(policy: FetchPolicy, addresses: A) -> Self {
        Self { policy, addresses }
    }
}

impl<A: Addresses> Connect for WebSockets<A> {
    type Socket = WebSocket;

    async fn connect(&self, url: &str, max_message: usize) -> Result<WebSocket, SocketError> {
        Ok(WebSocket::connect(&self.policy, &self.addresses, url, max_message).await?)
    }
}

impl Socket for WebSocket {
    async fn recv(&mut self) -> Result<Option<Message>, SocketError> {
        Ok(Self::recv(self).await?.map(|message| match message {
            websocket::Message::Text(text) => Message::Text(text),
            websocket::Message::Binary(bytes) => Message::Binary(bytes),
            _ => Message::Alive,
        }))
    }

    async fn ping(&mut self) -> Result<(), SocketError> {
        Ok(Self::ping(self).await?)
    }

    async fn close(&mut self) {
        Self::close(self).await;
    }
}

impl From<StreamError> for SocketError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Refused(refusal) => Self::Refused(Arc::new(refusal)),
            StreamError::Unreachable { status: Some(status), retry_after, .. } => {
                Self::Status { status, retry_after }
            }
            StreamError::TimedOut => Self::TimedOut,
            StreamError::TooLarge { limit } => Self::TooLarge { limit },
            StreamError::Malformed => Self::Malformed,
            StreamError::Closed { code, reason } => Self::Closed { code, reason },
            error => Self::Unreachable(Arc::new(error)),
        }
    }
}
