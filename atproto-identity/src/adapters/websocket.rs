//! Messages from a WebSocket: [`WebSocket`] gives all of them, [`Messages`] texts alone, such as the operations that a directory of
//! did:plc streams (`/export/stream?cursor=…`).

use crate::fetch_policy::{FetchPolicy, Refusal, address_of};
use crate::resolve::retry_after;
use atproto_lexicon::adapters::{self, Addresses, Unresolved, resolve_checked};
use atproto_lexicon::http::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::uri::Scheme;
use http::{HeaderValue, Uri, header::USER_AGENT};
use rustls_platform_verifier::BuilderVerifierExt;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{self, ClientConfig, pki_types::ServerName};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message as WsMessage, WebSocketConfig};

/// The greatest length of a text that [`Messages`] gives, in bytes: 64 KiB. So much is read at once, too.
pub const MAX_MESSAGE: usize = 64 * 1024;

/// For how long the server may be silent where nothing else is said.
const IDLE: Duration = Duration::from_secs(30);
/// For how long a server that has closed is waited for.
const CLOSING: Duration = Duration::from_secs(1);
/// The code where all is well (RFC 6455, section 7.4.1).
const NORMAL: u16 = 1000;

/// A connection that gives messages. Pings are answered while [`recv`](Self::recv) is awaited, and nothing is read meanwhile
/// otherwise: a slow reader slows the server.
pub struct WebSocket {
    socket: WebSocketStream<Box<dyn Transport>>,
    end: Option<Result<(), StreamError>>,
}

/// What a server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// A text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
    /// A ping, which is answered, or the answer to one: only a sign that the server is there.
    Alive,
}

/// A connection that gives text messages. Pings are answered while [`next`](Self::next) is awaited.
#[derive(Debug)]
pub struct Messages {
    socket: WebSocket,
    idle: Option<Duration>,
    /// Since when a message is waited for, and nothing has come.
    silent_since: Option<Instant>,
    /// Why there is nothing more, where the connection does not know it.
    fault: Option<StreamError>,
}

/// Why there are no messages, or no more of them.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The policy forbids it.
    #[error("refused by policy: {0}")]
    Refused(Refusal),
    /// The host cannot be reached, says no, or the connection broke: worth another attempt later.
    #[error("unreachable{}", match .status { Some(status) => format!(": status {status}"), None => String::new() })]
    Unreachable {
        /// The status of the response that the handshake had instead.
        status: Option<u16>,
        /// After which time another attempt is worth it, as that response says: a day at most.
        retry_after: Option<Duration>,
        /// What else went wrong.
        #[source]
        error: Option<Arc<dyn Error + Send + Sync>>,
    },
    /// The connection was not there in time, or the server was silent for too long: worth another attempt.
    #[error("no answer within the time limit")]
    TimedOut,
    /// A message is larger than the limit.
    #[error("a message of more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// What came is no WebSocket; where texts are asked for, no text.
    #[error("malformed")]
    Malformed,
    /// The server closed.
    #[error("closed by the server: {code} {reason:?}")]
    Closed {
        /// The code (RFC 6455, section 7.4).
        code: u16,
        /// What the server said to it, such as `OutdatedCursor`; 123 bytes at most.
        reason: String,
    },
}

/// What a WebSocket is spoken over.
trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

impl WebSocket {
    /// Connects to a URL of the scheme `wss`, or `ws` to loopback in development, by the policy and its time limits. Redirects are
    /// not followed. A message may have `max_message` bytes.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn connect(
        policy: &FetchPolicy,
        addresses: &impl Addresses,
        url: &str,
        max_message: usize,
    ) -> Result<Self, StreamError> {
        let target = Target::new(policy, url)?;
        let connect = async {
            let dialled = timeout(policy.connect_timeout, target.dial(policy, addresses)).await;
            target.shake_hands(dialled.map_err(|_| StreamError::TimedOut)??, max_message).await
        };
        let socket = timeout(policy.total_timeout, connect).await.map_err(|_| StreamError::TimedOut)??;
        Ok(Self { socket, end: None })
    }

    /// The next message; `None` where the server closed and all is well. Dropping the future loses nothing. After an error or the
    /// end there is nothing more, and it is given again.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn recv(&mut self) -> Result<Option<Message>, StreamError> {
        if let Some(end) = &self.end {
            return end.clone().map(|()| None);
        }
        let end = match self.socket.next().await {
            Some(Ok(WsMessage::Text(text))) => return Ok(Some(Message::Text(text.as_str().to_owned()))),
            Some(Ok(WsMessage::Binary(bytes))) => return Ok(Some(Message::Binary(bytes))),
            Some(Ok(WsMessage::Ping(_) | WsMessage::Pong(_) | WsMessage::Frame(_))) => {
                return Ok(Some(Message::Alive));
            }
            Some(Ok(WsMessage::Close(frame))) => {
                let end = end_of(frame);
                self.end = Some(end.clone());
                // Reading on sends the answer.
                let _ = timeout(CLOSING, self.socket.next()).await;
                end
            }
            Some(Err(error)) => Err(failed(error)),
            None => Ok(()),
        };
        self.end = Some(end.clone());
        end.map(|()| None)
    }

    /// Asks the server whether it is there; its answer is [`Message::Alive`]. Where the future is dropped, it may have been asked or not.
    ///
    /// # Errors
    /// [`StreamError`]; [`recv`](Self::recv) says it, too.
    pub async fn ping(&mut self) -> Result<(), StreamError> {
        self.socket.send(WsMessage::Ping(Bytes::new())).await.map_err(failed)
    }

    /// Says that nothing more is wanted, and waits for a second at most until it was sent.
    pub async fn close(&mut self) {
        self.end.get_or_insert(Ok(()));
        let _ = timeout(CLOSING, self.socket.close(None)).await;
    }
}

impl std::fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebSocket").field("end", &self.end).finish_non_exhaustive()
    }
}

impl Messages {
    /// Connects to a URL of the scheme `wss`, or `ws` to loopback in development, by the policy and its time limits. Redirects are
    /// not followed.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn connect(
        policy: &FetchPolicy,
        addresses: &impl Addresses,
        url: &str,
    ) -> Result<Self, StreamError> {
        let socket = WebSocket::connect(policy, addresses, url, MAX_MESSAGE).await?;
        Ok(Self { socket, idle: Some(IDLE), silent_since: None, fault: None })
    }

    /// With another time for which the server may be silent while a message is waited for: 30 s otherwise. `None` is forever.
    #[must_use]
    pub fn with_idle_timeout(mut self, idle: Option<Duration>) -> Self {
        self.idle = idle;
        self
    }

    /// The next message; `None` where the server closed and all is well. Dropping the future loses nothing. After an error or the
    /// end there is nothing more, and it is given again.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn next(&mut self) -> Result<Option<String>, StreamError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let next = self.read().await;
        self.fault = next.as_ref().err().cloned();
        next
    }

    async fn read(&mut self) -> Result<Option<String>, StreamError> {
        loop {
            let since = *self.silent_since.get_or_insert_with(Instant::now);
            let message = match self.idle.and_then(|idle| since.checked_add(idle)) {
                Some(deadline) => {
                    timeout_at(deadline, self.socket.recv()).await.map_err(|_| StreamError::TimedOut)?
                }
                None => self.socket.recv().await,
            };
            self.silent_since = None;
            match message? {
                Some(Message::Text(text)) => return Ok(Some(text)),
                Some(Message::Binary(_)) => return Err(StreamError::Malformed),
                Some(Message::Alive) => {}
                None => return Ok(None),
            }
        }
    }
}

/// Where to connect to, as the policy allows it.
struct Target {
    uri: Uri,
    host: String,
    port: u16,
    is_secure: bool,
}

impl Target {
    fn new(policy: &FetchPolicy, url: &str) -> Result<Self, StreamError> {
        let bad_url = || StreamError::Refused(Refusal::Url);
        let uri: Uri = url.parse().map_err(|_| bad_url())?;
        let scheme = uri.scheme_str().unwrap_or_default();
        let (is_secure, as_http) = match scheme {
            "wss" => (true, Scheme::HTTPS),
            "ws" => (false, Scheme::HTTP),
            other => return Err(StreamError::Refused(Refusal::Scheme(other.to_owned()))),
        };
        let mut parts = uri.clone().into_parts();
        parts.scheme = Some(as_http);
        let checked = Uri::from_parts(parts).map_err(|_| bad_url())?;
        policy.check_uri(&checked).map_err(|refusal| {
            StreamError::Refused(match refusal {
                Refusal::Scheme(_) => Refusal::Scheme(scheme.to_owned()),
                other => other,
            })
        })?;
        let host = uri.host().unwrap_or_default().to_owned();
        let port = match uri.port_u16() {
            Some(port) => port,
            // A port that is none must not pass for none.
            None if uri.authority().is_none_or(|authority| authority.as_str() != host) => {
                return Err(bad_url());
            }
            None if is_secure => 443,
            None => 80,
        };
        Ok(Self { uri, host, port, is_secure })
    }

    /// Resolves the host once, and connects to one of the addresses that were checked.
    async fn dial(
        &self,
        policy: &FetchPolicy,
        addresses: &impl Addresses,
    ) -> Result<Box<dyn Transport>, StreamError> {
        let allowed = match address_of(&self.host) {
            // Checked with the URL.
            Some(address) => vec![address],
            None => resolve_checked(policy, addresses, &self.host).await.map_err(unresolved)?,
        };
        // An address that does not answer leaves time for the others.
        let count = u32::try_from(allowed.len()).unwrap_or(u32::MAX);
        let share = policy.connect_timeout.checked_div(count).unwrap_or(policy.connect_timeout);
        let mut last = StreamError::TimedOut;
        for address in allowed {
            let address = SocketAddr::new(address, self.port);
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) if self.is_secure => return self.secure(stream).await,
                Ok(Ok(stream)) => return Ok(Box::new(stream)),
                Ok(Err(error)) => last = unreachable(error),
                Err(_) => last = StreamError::TimedOut,
            }
        }
        Err(last)
    }

    async fn secure(&self, stream: TcpStream) -> Result<Box<dyn Transport>, StreamError> {
        let name = match address_of(&self.host) {
            Some(address) => ServerName::from(address),
            None => ServerName::try_from(self.host.clone()).map_err(unreachable)?,
        };
        let connector = TlsConnector::from(Arc::new(tls_config().map_err(unreachable)?));
        Ok(Box::new(connector.connect(name, stream).await.map_err(unreachable)?))
    }

    async fn shake_hands(
        &self,
        transport: Box<dyn Transport>,
        max_message: usize,
    ) -> Result<WebSocketStream<Box<dyn Transport>>, StreamError> {
        let mut request = self.uri.clone().into_client_request().map_err(failed)?;
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(adapters::USER_AGENT));
        let config = WebSocketConfig::default()
            .max_message_size(Some(max_message))
            .max_frame_size(Some(max_message))
            .read_buffer_size(MAX_MESSAGE);
        let (socket, _) = tokio_tungstenite::client_async_with_config(request, transport, Some(config))
            .await
            .map_err(failed)?;
        Ok(socket)
    }
}

/// TLS as `reqwest` has it: the system says whom it trusts.
fn tls_config() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_platform_verifier()?.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn end_of(frame: Option<CloseFrame>) -> Result<(), StreamError> {
    match frame {
        None => Ok(()),
        Some(frame) if u16::from(frame.code) == NORMAL && frame.reason.is_empty() => Ok(()),
        Some(frame) => {
            Err(StreamError::Closed { code: frame.code.into(), reason: frame.reason.as_str().to_owned() })
        }
    }
}

fn unresolved(error: Unresolved) -> StreamError {
    match error {
        Unresolved::Refused(address) => StreamError::Refused(Refusal::Address(address)),
        Unresolved::Unknown(Some(error)) if error.kind() == io::ErrorKind::TimedOut => StreamError::TimedOut,
        Unresolved::Unknown(_) => unreachable(error),
    }
}

fn unreachable(error: impl Error + Send + Sync + 'static) -> StreamError {
    StreamError::Unreachable { status: None, retry_after: None, error: Some(Arc::new(error)) }
}

fn failed(error: WsError) -> StreamError {
    match error {
        WsError::Http(response) => StreamError::Unreachable {
            status: Some(response.status().as_u16()),
            retry_after: retry_after(response.headers()),
            error: None,
        },
        WsError::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
            StreamError::TooLarge { limit: max_size }
        }
        WsError::Io(_)
        | WsError::ConnectionClosed
        | WsError::AlreadyClosed
        | WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => unreachable(error),
        _ => StreamError::Malformed,
    }
}
