//! A server and a clock inside of a test: the server answers as a function says, and time passes when all wait for it.

use atproto_lexicon::clock::Clock;
use atproto_lexicon::http::{Body, Bytes, HttpClient, HttpError, HttpErrorKind, Request, Response};
use atproto_xrpc::{Client, ServiceUrl};
use futures_executor::LocalPool;
use futures_util::task::LocalSpawnExt as _;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

/// What the server says.
#[derive(Debug, Clone)]
pub enum Says {
    Is(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// A body that goes on for as long as it is read.
    Endless,
    /// A body that stops in the middle, and then nothing.
    Stops(Vec<u8>),
    Fails(HttpErrorKind),
    /// Nothing, ever.
    Hangs,
}

pub fn json(status: u16, body: &str) -> Says {
    Says::Is(status, vec![("content-type", "application/json".into())], body.into())
}

impl Says {
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        if let Self::Is(_, headers, _) = &mut self {
            headers.push((name, value.to_string()));
        }
        self
    }
}

type Handler = Box<dyn FnMut(&Request<Bytes>) -> Says + Send>;

#[derive(Default)]
struct Inner {
    handler: Option<Handler>,
    asked: Vec<Request<Bytes>>,
    now: Duration,
    sleepers: Vec<(Duration, Waker)>,
    slept: Vec<Duration>,
}

#[derive(Clone, Default)]
pub struct Net(Arc<Mutex<Inner>>);

/// When the system's clock began.
pub const START: Duration = Duration::from_secs(1_700_000_000);

impl Net {
    pub fn new(handler: impl FnMut(&Request<Bytes>) -> Says + Send + 'static) -> Self {
        let net = Self::default();
        net.0.lock().unwrap().handler = Some(Box::new(handler));
        net
    }

    /// One answer after the other.
    pub fn script(answers: impl IntoIterator<Item = Says>) -> Self {
        let mut answers: VecDeque<Says> = answers.into_iter().collect();
        Self::new(move |request| {
            answers.pop_front().unwrap_or_else(|| panic!("asked too often: {request:?}"))
        })
    }

    pub fn client(&self) -> Client<Self, Self> {
        Client::new(self.clone(), self.clone(), ServiceUrl::parse("https://pds.example.com").unwrap())
    }

    /// What was asked for since the last time.
    pub fn asked(&self) -> Vec<Request<Bytes>> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    /// The names of the endpoints that were called since the last time.
    pub fn called(&self) -> Vec<String> {
        let name = |request: &Request<Bytes>| request.uri().path().rsplit('.').next().unwrap().to_owned();
        self.asked().iter().map(name).collect()
    }

    pub fn time(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    /// Runs a future to its end; where nothing else goes on, time does.
    pub fn run<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> T {
        let mut pool = LocalPool::new();
        let done = Arc::new(Mutex::new(None));
        let slot = done.clone();
        let task = async move { *slot.lock().unwrap() = Some(future.await) };
        pool.spawner().spawn_local(task).unwrap();
        loop {
            pool.run_until_stalled();
            if let Some(done) = done.lock().unwrap().take() {
                return done;
            }
            self.pass_time();
        }
    }

    fn pass_time(&self) {
        let mut inner = self.0.lock().unwrap();
        let next = inner.sleepers.iter().map(|(until, _)| *until).min();
        inner.now = next.expect("all wait, and nothing will come");
        let now = inner.now;
        let sleepers = std::mem::take(&mut inner.sleepers);
        let (awake, asleep): (Vec<_>, Vec<_>) = sleepers.into_iter().partition(|(until, _)| *until <= now);
        inner.sleepers = asleep;
        awake.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Lets others go on first.
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

impl Clock for Net {
    fn now(&self) -> Duration {
        self.time()
    }

    fn unix_time(&self) -> Duration {
        START + self.time()
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.time() + duration;
        std::future::poll_fn(|context| {
            let mut inner = self.0.lock().unwrap();
            if inner.now >= until {
                inner.slept.push(duration);
                return Poll::Ready(());
            }
            inner.sleepers.push((until, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl HttpClient for Net {
    type Body = Pieces;

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Pieces>, HttpError> {
        self.give_way().await;
        let says = {
            let mut inner = self.0.lock().unwrap();
            let mut handler = inner.handler.take().unwrap();
            let says = handler(&request);
            inner.handler = Some(handler);
            inner.asked.push(request);
            says
        };
        self.give_way().await;
        let mut response = Response::builder();
        match &says {
            Says::Fails(kind) => return Err((*kind).into()),
            Says::Hangs => return std::future::pending().await,
            Says::Is(status, headers, _) => {
                response = response.status(*status);
                for (name, value) in headers {
                    response = response.header(*name, value);
                }
            }
            Says::Endless | Says::Stops(_) => {}
        }
        Ok(response.body(Pieces(says)).unwrap())
    }
}

#[derive(Debug)]
pub struct Pieces(Says);

impl Body for Pieces {
    async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        match &mut self.0 {
            Says::Endless => Ok(Some(vec![b' '; 100_000].into())),
            Says::Stops(body) if body.is_empty() => std::future::pending().await,
            Says::Stops(body) | Says::Is(_, _, body) => {
                let rest = body.split_off(body.len().min(7));
                let chunk = std::mem::replace(body, rest);
                Ok((!chunk.is_empty()).then(|| chunk.into()))
            }
            Says::Fails(kind) => Err((*kind).into()),
            Says::Hangs => std::future::pending().await,
        }
    }
}
