use std::time::Duration;

/// A time that is longer counts as this one.
pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// How much a service takes, and how long it waits.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The greatest length of a JSON body in bytes: 2 MiB.
    pub max_body: u64,
    /// For how long a JSON body may take, and each piece of an upload: 30 s.
    pub body_timeout: Duration,
    /// For how long an upload may take, what its handler does meanwhile included: 30 min.
    pub upload_timeout: Duration,
    /// How many may follow one subscription at a time: 1,000.
    pub max_consumers: usize,
    /// For how long an event may take to be sent, with up to 128 KiB of events that wait before it, before its consumer is too slow:
    /// 30 s.
    pub send_timeout: Duration,
    /// How often a consumer is asked whether it is there: each 30 s.
    pub ping_every: Duration,
    /// For how long it may leave that unanswered, before it is taken for dead: 3 min. One that is busy with what it has read does not
    /// answer.
    pub pong_within: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            max_body: 2 << 20,
            body_timeout: Duration::from_secs(30),
            upload_timeout: Duration::from_secs(1800),
            max_consumers: 1000,
            send_timeout: Duration::from_secs(30),
            ping_every: Duration::from_secs(30),
            pong_within: Duration::from_secs(180),
        }
    }
}
