//! A handle or DID to an identity: the document, and the handle that both directions agree on.

use super::{Answer, Config, DocumentResolution, HandleResolution, Resolution, Step};
use crate::document::DidDocument;
use crate::error::ResolveError;
use crate::identity::Identity;
use atproto_lexicon::syntax::{AtIdentifier, Did, Handle};
use std::sync::Arc;

/// Finds an identity.
///
/// From a handle, the DID that it leads to must claim it. From a DID, the handle that it claims must lead back; where it does not,
/// the identity has [`handle.invalid`](Identity::handle) and is one all the same.
#[derive(Debug, Clone)]
pub struct IdentityResolution {
    config: Arc<Config>,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    /// What the handle that was asked for leads to.
    Handle(Handle, HandleResolution),
    /// The document, with the handle that led here.
    Document(Option<Handle>, DocumentResolution),
    /// What the handle leads to that the document claims.
    Claim(Box<(Handle, DidDocument)>, HandleResolution),
    Done(Box<Result<Identity, ResolveError>>),
}

impl IdentityResolution {
    /// Begins with a handle or DID.
    pub fn new(identifier: &AtIdentifier, config: &Arc<Config>) -> Self {
        match (identifier.as_did(), identifier.as_handle()) {
            (None, Some(handle)) => Self::from_handle(handle, config),
            (Some(did), _) => Self::from_did(did, config),
            (None, None) => Self::done(Err(ResolveError::NotFound), config),
        }
    }

    /// Begins with a handle.
    pub fn from_handle(handle: Handle, config: &Arc<Config>) -> Self {
        let handle = handle.to_normalized();
        let state = State::Handle(handle.clone(), HandleResolution::new(handle, config));
        Self { config: config.clone(), state }.moved_on()
    }

    /// Begins with a DID.
    pub fn from_did(did: Did, config: &Arc<Config>) -> Self {
        let state = State::Document(None, DocumentResolution::new(did, config));
        Self { config: config.clone(), state }.moved_on()
    }

    fn done(done: Result<Identity, ResolveError>, config: &Arc<Config>) -> Self {
        Self { config: config.clone(), state: State::Done(Box::new(done)) }
    }

    /// Goes on as long as a part is done.
    fn moved_on(mut self) -> Self {
        while let Some(next) = self.next() {
            self.state = next;
        }
        self
    }

    fn next(&self) -> Option<State> {
        match &self.state {
            State::Handle(handle, part) => match part.step() {
                Step::Done(Ok(did)) => {
                    Some(State::Document(Some(handle.clone()), DocumentResolution::new(did, &self.config)))
                }
                Step::Done(Err(error)) => Some(failed(error)),
                _ => None,
            },
            State::Document(asked, part) => match part.step() {
                Step::Done(Ok(document)) => Some(self.after_document(asked.as_ref(), document)),
                Step::Done(Err(error)) => Some(failed(error)),
                _ => None,
            },
            State::Claim(claim, part) => match part.step() {
                Step::Done(done) => Some(found(Identity::confirmed(claim.1.clone(), claim.0.clone(), done))),
                _ => None,
            },
            State::Done(_) => None,
        }
    }

    fn after_document(&self, asked: Option<&Handle>, document: DidDocument) -> State {
        match (asked, document.handle()) {
            (Some(asked), Some(claimed)) if *asked == claimed => found(Identity::verified(document, claimed)),
            (Some(_), claims) => failed(ResolveError::HandleMismatch { did: document.id, claims }),
            (None, None) => found(Identity::without_handle(document)),
            (None, Some(claimed)) => {
                let part = HandleResolution::new(claimed.clone(), &self.config);
                State::Claim(Box::new((claimed, document)), part)
            }
        }
    }
}

fn found(identity: Identity) -> State {
    State::Done(Box::new(Ok(identity)))
}

fn failed(error: ResolveError) -> State {
    State::Done(Box::new(Err(error)))
}

impl Resolution for IdentityResolution {
    type Output = Identity;

    fn step(&self) -> Step<Identity> {
        fn needs<T, U>(step: Step<T>) -> Step<U> {
            match step {
                Step::Dns(name) => Step::Dns(name),
                Step::Http(fetching) => Step::Http(fetching),
                // A part that is done has been moved on from.
                Step::Done(_) => Step::Done(Err(ResolveError::NotFound)),
            }
        }
        match &self.state {
            State::Handle(_, part) | State::Claim(_, part) => needs(part.step()),
            State::Document(_, part) => needs(part.step()),
            State::Done(done) => Step::Done((**done).clone()),
        }
    }

    fn answer(&mut self, answer: Answer) {
        match &mut self.state {
            State::Handle(_, part) | State::Claim(_, part) => part.answer(answer),
            State::Document(_, part) => part.answer(answer),
            State::Done(_) => {}
        }
        while let Some(next) = self.next() {
            self.state = next;
        }
    }
}
