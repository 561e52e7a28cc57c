//! A handle to its DID (<https://atproto.com/specs/handle#handle-resolution>).

use super::fetch::{Fetch, Fetched};
use super::{Answer, Config, Resolution, Step};
use crate::error::{Malformed, ResolveError};
use atproto_lexicon::http::Bytes;
use atproto_lexicon::syntax::{Did, Handle};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The longest name in DNS.
pub(super) const MAX_NAME: usize = 253;
/// The greatest length of what the host says, in bytes: that of a DID.
const MAX_TEXT: usize = 2048;
/// How many of the values that contradict one another are kept to be shown.
const MAX_SHOWN: usize = 8;

/// Finds the DID that a handle leads to: by DNS; where that has none, or cannot be asked, by HTTPS at the handle's host.
///
/// More than one DID in DNS is an error and not a choice. That the DID claims the handle in turn is for
/// [`IdentityResolution`](super::IdentityResolution) to find out.
#[derive(Debug, Clone)]
pub struct HandleResolution {
    handle: Handle,
    config: Arc<Config>,
    state: State,
    /// DNS could not be asked, so that a host which knows nothing is not the last word.
    is_dns_unknown: bool,
}

#[derive(Debug, Clone)]
enum State {
    Dns,
    Http(Fetch),
    Done(Result<Did, ResolveError>),
}

impl HandleResolution {
    /// Begins with a handle.
    pub fn new(handle: Handle, config: &Arc<Config>) -> Self {
        let handle = handle.to_normalized();
        let is_resolvable = config.policy.is_resolvable(&handle) && !handle.is_invalid_marker();
        let state = if is_resolvable { State::Dns } else { State::Done(Err(ResolveError::ReservedHandle)) };
        let mut this = Self { handle, config: config.clone(), state, is_dns_unknown: false };
        if is_resolvable && this.name().len() > MAX_NAME {
            this.state = this.ask_host();
        }
        this
    }

    fn name(&self) -> String {
        format!("_atproto.{}", self.handle)
    }

    fn ask_host(&self) -> State {
        let url = format!("{}/.well-known/atproto-did", self.config.policy.origin_of(&self.handle));
        Fetch::new(&url, "text/plain", MAX_TEXT, &self.config.policy)
            .map_or_else(|error| State::Done(Err(error)), State::Http)
    }

    fn after_dns(&self, records: &[Vec<u8>]) -> State {
        match read_records(records) {
            Ok(None) => self.ask_host(),
            Ok(Some(value)) => State::Done(read_did(value)),
            Err(conflict) => State::Done(Err(conflict)),
        }
    }

    fn after_http(&self, fetched: Fetched, fetch: Fetch) -> State {
        match fetched {
            Fetched::Again => State::Http(fetch),
            Fetched::Body(body) => State::Done(read_text(&body)),
            Fetched::Refused(_) if self.is_dns_unknown => State::Done(Err(ResolveError::unreachable(None))),
            Fetched::Refused(_) => State::Done(Err(ResolveError::NotFound)),
        }
    }
}

impl Resolution for HandleResolution {
    type Output = Did;

    fn step(&self) -> Step<Did> {
        match &self.state {
            State::Dns => Step::Dns(self.name()),
            State::Http(fetch) => Step::Http(fetch.step()),
            State::Done(done) => Step::Done(done.clone()),
        }
    }

    fn answer(&mut self, answer: Answer) {
        self.state = match (&self.state, answer) {
            (State::Dns, Answer::Dns(Ok(records))) => self.after_dns(&records),
            (State::Dns, Answer::Dns(Err(_))) => {
                self.is_dns_unknown = true;
                self.ask_host()
            }
            (State::Http(fetch), Answer::Http(response)) => {
                let mut fetch = fetch.clone();
                match fetch.answer(response, &self.config.policy) {
                    Ok(fetched) => self.after_http(fetched, fetch),
                    Err(error) => State::Done(Err(error)),
                }
            }
            _ => return,
        };
    }
}

/// What the one record says that names a DID, if there is one; saying the same twice is no contradiction.
pub(super) fn read_records(records: &[Vec<u8>]) -> Result<Option<&[u8]>, ResolveError> {
    let values: BTreeSet<&[u8]> = records.iter().filter_map(|record| record.strip_prefix(b"did=")).collect();
    let mut some = values.iter();
    match (some.next(), some.next()) {
        (value, None) => Ok(value.copied()),
        _ => {
            let shown =
                values.iter().take(MAX_SHOWN).map(|value| String::from_utf8_lossy(value).into_owned());
            Err(ResolveError::HandleConflict(shown.collect()))
        }
    }
}

fn read_text(body: &Bytes) -> Result<Did, ResolveError> {
    read_did(body.trim_ascii())
}

pub(super) fn read_did(text: &[u8]) -> Result<Did, ResolveError> {
    let text = std::str::from_utf8(text).ok();
    text.and_then(|text| text.parse().ok()).ok_or(ResolveError::Malformed(Malformed::Did))
}
