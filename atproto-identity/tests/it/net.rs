//! A network and a clock inside of a test: hosts say what they are told to, and time passes when something waits for it.

use atproto_identity::Directory;
use atproto_identity::clock::Clock;
use atproto_identity::dns::{Dns, DnsError};
use atproto_lexicon::http::{Body, Bytes, HttpClient, HttpError, HttpErrorKind, Request, Response};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

/// What a URL gives.
#[derive(Clone)]
pub enum Says {
    /// A status, a header where there is one, and a body.
    Is(u16, Option<(&'static str, String)>, Vec<u8>),
    /// A body without an end.
    Endless,
    /// A body of which a byte comes each second.
    Drips(Vec<u8>),
    /// No connection.
    Fails(HttpErrorKind),
    /// Nothing, ever.
    Hangs,
}

pub fn ok(body: impl Into<Vec<u8>>) -> Says {
    Says::Is(200, None, body.into())
}

pub fn status(status: u16) -> Says {
    Says::Is(status, None, b"no".to_vec())
}

pub fn redirect(to: &str) -> Says {
    Says::Is(302, Some(("location", to.to_owned())), Vec::new())
}

#[derive(Default)]
struct Inner {
    urls: HashMap<String, Says>,
    names: HashMap<String, Result<Vec<Vec<u8>>, DnsError>>,
    asked: Vec<String>,
    now: Duration,
    sleepers: Vec<(Duration, Waker)>,
    at_once: usize,
    most_at_once: usize,
    /// Responses wait until this is false again.
    is_held: bool,
    held: Vec<Waker>,
}

#[derive(Clone, Default)]
pub struct Net(Arc<Mutex<Inner>>);

impl Net {
    pub fn url(&self, url: &str, says: Says) -> &Self {
        self.0.lock().unwrap().urls.insert(url.to_owned(), says);
        self
    }

    pub fn txt(&self, handle: &str, records: &[&str]) -> &Self {
        let records = records.iter().map(|record| record.as_bytes().to_vec()).collect();
        self.0.lock().unwrap().names.insert(format!("_atproto.{handle}"), Ok(records));
        self
    }

    pub fn txt_fails(&self, handle: &str) -> &Self {
        self.0.lock().unwrap().names.insert(format!("_atproto.{handle}"), Err(DnsError::Failed));
        self
    }

    /// Everything that was asked for, by URL or name, since the last time.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    pub fn most_at_once(&self) -> usize {
        self.0.lock().unwrap().most_at_once
    }

    pub fn hold(&self, is_held: bool) {
        let mut inner = self.0.lock().unwrap();
        inner.is_held = is_held;
        inner.held.drain(..).for_each(Waker::wake);
    }

    pub fn pass(&self, time: Duration) {
        let mut inner = self.0.lock().unwrap();
        inner.now += time;
        let now = inner.now;
        let (awake, asleep) =
            std::mem::take(&mut inner.sleepers).into_iter().partition(|(until, _)| *until <= now);
        inner.sleepers = asleep;
        let awake: Vec<(Duration, Waker)> = awake;
        awake.into_iter().for_each(|(_, waker)| waker.wake());
    }

    pub fn time(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    pub fn directory(&self) -> Directory<Self, Self, Self> {
        Directory::new(self.clone(), self.clone(), self.clone())
    }

    /// An account with a handle in DNS and a document.
    pub fn account(&self, did: &str, handle: &str) -> &Self {
        let url = match did.strip_prefix("did:web:") {
            Some(host) => format!("https://{host}/.well-known/did.json"),
            None => format!("https://plc.directory/{did}"),
        };
        self.txt(handle, &[&format!("did={did}")]).url(&url, ok(document(did, handle)))
    }

    async fn turn(&self) {
        std::future::poll_fn(|context| {
            let mut inner = self.0.lock().unwrap();
            if inner.is_held {
                inner.held.push(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Gives way to others once.
    async fn give_way(&self) {
        let mut is_second = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut is_second, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

pub fn document(did: &str, handle: &str) -> String {
    format!(r#"{{"id":"{did}","alsoKnownAs":["at://{handle}"]}}"#)
}

pub struct Pieces(Net, Says);

impl Body for Pieces {
    async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        match &mut self.1 {
            Says::Endless => {
                self.0.give_way().await;
                Ok(Some(vec![b' '; 10_000].into()))
            }
            Says::Drips(rest) => {
                self.0.give_way().await;
                self.0.pass(Duration::from_secs(1));
                self.0.give_way().await;
                Ok((!rest.is_empty()).then(|| vec![rest.remove(0)].into()))
            }
            Says::Is(_, _, body) => Ok((!body.is_empty()).then(|| std::mem::take(body).into())),
            Says::Fails(kind) => Err((*kind).into()),
            Says::Hangs => std::future::pending().await,
        }
    }
}

impl HttpClient for Net {
    type Body = Pieces;

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Pieces>, HttpError> {
        let url = request.uri().to_string();
        let says = {
            let mut inner = self.0.lock().unwrap();
            inner.asked.push(url.clone());
            inner.at_once += 1;
            inner.most_at_once = inner.most_at_once.max(inner.at_once);
            inner.urls.get(&url).cloned().unwrap_or_else(|| status(404))
        };
        self.turn().await;
        self.give_way().await;
        self.0.lock().unwrap().at_once -= 1;
        let mut response = Response::builder();
        match &says {
            Says::Fails(kind) => return Err((*kind).into()),
            Says::Hangs => {
                // Nobody else is there to let time pass.
                self.pass(Duration::from_secs(60));
                return std::future::pending().await;
            }
            Says::Is(status, header, _) => {
                response = response.status(*status);
                if let Some((name, value)) = header {
                    response = response.header(*name, value);
                }
            }
            Says::Endless | Says::Drips(_) => {}
        }
        Ok(response.body(Pieces(self.clone(), says)).unwrap())
    }
}

impl Dns for Net {
    async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, DnsError> {
        let found = {
            let mut inner = self.0.lock().unwrap();
            inner.asked.push(name.to_owned());
            inner.names.get(name).cloned().unwrap_or(Ok(Vec::new()))
        };
        self.turn().await;
        found
    }
}

impl Clock for Net {
    fn now(&self) -> Duration {
        self.time()
    }

    fn unix_time(&self) -> Duration {
        self.time()
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.time() + duration;
        std::future::poll_fn(|context| {
            let mut inner = self.0.lock().unwrap();
            if inner.now >= until {
                return Poll::Ready(());
            }
            inner.sleepers.push((until, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}
