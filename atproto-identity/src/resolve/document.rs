//! A DID to its document (<https://atproto.com/specs/did>).

use super::fetch::{Fetch, Fetched};
use super::{Answer, Config, Resolution, Step};
use crate::document::DidDocument;
use crate::error::{Malformed, ResolveError};
use crate::{plc, web};
use atproto_lexicon::http::Bytes;
use atproto_lexicon::syntax::Did;
use std::sync::Arc;

const ACCEPT: &str = "application/did+ld+json, application/json";

/// Finds the document of a did:plc or did:web, which must be of that DID.
#[derive(Debug, Clone)]
pub struct DocumentResolution {
    did: Did,
    config: Arc<Config>,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Http(Fetch),
    Done(Result<DidDocument, ResolveError>),
}

impl DocumentResolution {
    /// Begins with a DID.
    pub fn new(did: Did, config: &Arc<Config>) -> Self {
        let url = match did.method() {
            "plc" if plc::is_did(&did) => Ok(format!("{}/{did}", config.plc_directory)),
            "plc" => Err(ResolveError::InvalidDid),
            "web" => web::url_of(&did, &config.policy),
            other => Err(ResolveError::UnsupportedMethod(other.to_owned())),
        };
        let fetch = url.and_then(|url| Fetch::new(&url, ACCEPT, config.policy.max_body, &config.policy));
        let state = fetch.map_or_else(|error| State::Done(Err(error)), State::Http);
        Self { did, config: config.clone(), state }
    }

    fn read(&self, body: &Bytes) -> Result<DidDocument, ResolveError> {
        let document =
            DidDocument::from_json(body).map_err(|_| ResolveError::Malformed(Malformed::Document))?;
        if document.id == self.did { Ok(document) } else { Err(ResolveError::IdMismatch(document.id)) }
    }
}

impl Resolution for DocumentResolution {
    type Output = DidDocument;

    fn step(&self) -> Step<DidDocument> {
        match &self.state {
            State::Http(fetch) => Step::Http(fetch.step()),
            State::Done(done) => Step::Done(done.clone()),
        }
    }

    fn answer(&mut self, answer: Answer) {
        let (State::Http(fetch), Answer::Http(response)) = (&self.state, answer) else { return };
        let mut fetch = fetch.clone();
        self.state = match fetch.answer(response, &self.config.policy) {
            Ok(Fetched::Again) => State::Http(fetch),
            Ok(Fetched::Body(body)) => State::Done(self.read(&body)),
            Ok(Fetched::Refused(404)) => State::Done(Err(ResolveError::NotFound)),
            Ok(Fetched::Refused(410)) if self.did.method() == "plc" => {
                State::Done(Err(ResolveError::Tombstoned))
            }
            Ok(Fetched::Refused(410)) => State::Done(Err(ResolveError::NotFound)),
            Ok(Fetched::Refused(status)) => {
                State::Done(Err(ResolveError::Malformed(Malformed::Status(status))))
            }
            Err(error) => State::Done(Err(error)),
        };
    }
}
