//! The operations that a directory of did:plc takes, as it takes them
//! (<https://web.plc.directory/spec/v0.1/did-plc#export-streaming-websocket>).

use super::Addresses;
use super::websocket::{Messages, StreamError};
use crate::plc::ExportEntry;
use crate::resolve::Config;
use std::time::Duration;

/// Reads `/export/stream`. [`Replay`](crate::plc::Replay) makes verified states of what it gives.
///
/// Who has lost the connection begins again from [`cursor`](Self::cursor); entries may come twice then.
pub struct ExportStream {
    messages: Messages,
    cursor: Option<u64>,
}

/// Why there are no operations, or no more of them.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ExportStreamError {
    /// The connection.
    #[error(transparent)]
    Stream(StreamError),
    /// The cursor is older than what is streamed: the pages of [`Client::export`](crate::plc::Client::export) lead to where it goes
    /// on.
    #[error("the cursor is too old for the stream")]
    OutdatedCursor,
    /// The directory has not come to the cursor: it is that of another directory.
    #[error("the cursor is from the future")]
    FutureCursor,
    /// What was sent was not read quickly enough: worth another attempt.
    #[error("the operations were not read in time")]
    TooSlow,
    /// A message is no operation.
    #[error("a message that is no operation: {0}")]
    Malformed(String),
}

impl ExportStream {
    /// Connects to the directory of `config`, by its policy. With a cursor, it begins with the first operation after that; without
    /// one, with the first that the directory takes from now on.
    ///
    /// # Errors
    /// [`ExportStreamError::Stream`].
    pub async fn connect(
        config: &Config,
        addresses: &impl Addresses,
        cursor: Option<u64>,
    ) -> Result<Self, ExportStreamError> {
        // `https` becomes `wss`, and `http` becomes `ws`.
        let rest = config.plc_directory.strip_prefix("http").unwrap_or(&config.plc_directory);
        let query = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
        let url = format!("ws{rest}/export/stream{query}");
        let messages = Messages::connect(&config.policy, addresses, &url).await;
        Ok(Self { messages: messages.map_err(ExportStreamError::Stream)?, cursor })
    }

    /// With another time for which the directory may be silent: 30 s otherwise, after which the connection is likely to be dead.
    /// `None` is forever.
    #[must_use]
    pub fn with_idle_timeout(mut self, idle: Option<Duration>) -> Self {
        self.messages = self.messages.with_idle_timeout(idle);
        self
    }

    /// The next operation; `None` where the directory closed and all is well. Nothing of it is verified. Dropping
    /// the future loses nothing.
    ///
    /// # Errors
    /// [`ExportStreamError`].
    pub async fn next(&mut self) -> Result<Option<ExportEntry>, ExportStreamError> {
        while let Some(message) = self.messages.next().await.map_err(closed)? {
            let entry = ExportEntry::parse_line(message.as_bytes());
            let entry = entry.map_err(|error| ExportStreamError::Malformed(error.to_string()))?;
            if let Some(entry) = entry {
                self.cursor = entry.seq.or(self.cursor);
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The number of the last operation, after which the next one comes.
    pub fn cursor(&self) -> Option<u64> {
        self.cursor
    }
}

/// What the reason of a close means, by the words of the specification and by those of the servers.
fn closed(error: StreamError) -> ExportStreamError {
    let StreamError::Closed { reason, .. } = &error else { return ExportStreamError::Stream(error) };
    match reason.as_str() {
        "Cursor too old for streaming" | "OutdatedCursor" => ExportStreamError::OutdatedCursor,
        "Cursor is from the future" | "FutureCursor" => ExportStreamError::FutureCursor,
        "Stream consumer too slow" | "ConsumerTooSlow" => ExportStreamError::TooSlow,
        _ => ExportStreamError::Stream(error),
    }
}
