//! Sockets and a clock inside of a test: servers do what they are told to, and time passes when all wait for it.

use atproto_lexicon::clock::Clock;
use atproto_xrpc::stream::{Connect, Message, Socket, SocketError};
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// What a server does with a connection, one after the other; then it is silent.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Send(Message),
    Wait(Duration),
    Close,
    Fail(SocketError),
}

/// What a server does with an attempt to connect.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Open(Vec<Act>),
    Refuse(SocketError),
    Hang,
    /// After some time.
    Slow(Duration, Vec<Act>),
}

#[derive(Default)]
struct Inner {
    answers: VecDeque<Answer>,
    /// When was connected, and to which URL.
    attempts: Vec<(Duration, String)>,
    read: usize,
    pings: Vec<Duration>,
    answers_pings: bool,
    now: Duration,
    unix_time: Duration,
    sleepers: Vec<(Duration, Waker)>,
}

#[derive(Clone, Default)]
pub(crate) struct Net(Arc<Mutex<Inner>>);

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn binary(bytes: impl Into<Vec<u8>>) -> Act {
    Act::Send(Message::Binary(bytes.into().into()))
}

impl Net {
    /// Connections that are answered like this, one after the other; further ones hang.
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let net = Self::default();
        net.0.lock().unwrap().answers = answers.into_iter().collect();
        net
    }

    pub(crate) fn open(scripts: impl IntoIterator<Item = Vec<Act>>) -> Self {
        Self::new(scripts.into_iter().map(Answer::Open))
    }

    pub(crate) fn answering_pings(self) -> Self {
        self.0.lock().unwrap().answers_pings = true;
        self
    }

    pub(crate) fn at_unix_time(self, time: Duration) -> Self {
        self.0.lock().unwrap().unix_time = time;
        self
    }

    pub(crate) fn attempts(&self) -> Vec<(Duration, String)> {
        self.0.lock().unwrap().attempts.clone()
    }

    /// The cursors of the attempts, as they stand in the URLs.
    pub(crate) fn cursors(&self) -> Vec<Option<u64>> {
        let cursor = |url: &str| url.split_once("cursor=").map(|(_, cursor)| cursor.parse().unwrap());
        self.attempts().iter().map(|(_, url)| cursor(url)).collect()
    }

    /// How many messages were read.
    pub(crate) fn read(&self) -> usize {
        self.0.lock().unwrap().read
    }

    pub(crate) fn pings(&self) -> Vec<Duration> {
        self.0.lock().unwrap().pings.clone()
    }

    /// Runs a future to its end. Whenever it waits and nobody wakes it, time goes on to the next moment at which someone does.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            if let Some(done) = self.poll(future.as_mut()) {
                return done;
            }
            self.pass();
        }
    }

    /// Polls a future until it waits for time, or is ready.
    pub(crate) fn poll<T>(&self, mut future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(flag.clone());
        let mut context = Context::from_waker(&waker);
        while flag.0.swap(false, Ordering::SeqCst) {
            if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
                return Some(done);
            }
        }
        None
    }

    /// Goes on to the next moment at which someone is woken.
    pub(crate) fn pass(&self) {
        let (now, next) = {
            let inner = self.0.lock().unwrap();
            let later = inner.sleepers.iter().map(|(until, _)| *until).filter(|until| *until > inner.now);
            (inner.now, later.min().expect("nothing will ever happen"))
        };
        self.skip(next - now);
    }

    /// Lets time pass.
    pub(crate) fn skip(&self, time: Duration) {
        let awake: Vec<(Duration, Waker)> = {
            let mut inner = self.0.lock().unwrap();
            inner.now += time;
            let now = inner.now;
            let (awake, asleep) =
                std::mem::take(&mut inner.sleepers).into_iter().partition(|(until, _)| *until <= now);
            inner.sleepers = asleep;
            awake
        };
        awake.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Clock for Net {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    fn unix_time(&self) -> Duration {
        let inner = self.0.lock().unwrap();
        inner.unix_time + inner.now
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.now().saturating_add(duration);
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

impl Connect for Net {
    type Socket = Pipe;

    async fn connect(&self, url: &str, _: usize) -> Result<Pipe, SocketError> {
        let answer = {
            let mut inner = self.0.lock().unwrap();
            let now = inner.now;
            inner.attempts.push((now, url.to_owned()));
            inner.answers.pop_front().unwrap_or(Answer::Hang)
        };
        let script = match answer {
            Answer::Open(script) => script,
            Answer::Slow(time, script) => {
                self.sleep(time).await;
                script
            }
            Answer::Refuse(error) => return Err(error),
            Answer::Hang => std::future::pending().await,
        };
        Ok(Pipe { net: self.clone(), script: script.into(), until: None, pongs: 0 })
    }
}

pub(crate) struct Pipe {
    net: Net,
    script: VecDeque<Act>,
    /// What is waited for does not begin anew with each future.
    until: Option<Duration>,
    pongs: usize,
}

impl Socket for Pipe {
    async fn recv(&mut self) -> Result<Option<Message>, SocketError> {
        loop {
            if self.pongs > 0 {
                self.pongs -= 1;
                return Ok(Some(Message::Alive));
            }
            if let Some(until) = self.until {
                self.net.sleep(until.saturating_sub(self.net.now())).await;
                self.until = None;
            }
            match self.script.pop_front() {
                Some(Act::Send(message)) => {
                    self.net.0.lock().unwrap().read += 1;
                    return Ok(Some(message));
                }
                Some(Act::Wait(time)) => self.until = Some(self.net.now() + time),
                Some(Act::Close) => return Ok(None),
                Some(Act::Fail(error)) => return Err(error),
                None => std::future::pending().await,
            }
        }
    }

    async fn ping(&mut self) -> Result<(), SocketError> {
        let mut inner = self.net.0.lock().unwrap();
        let now = inner.now;
        inner.pings.push(now);
        if inner.answers_pings {
            self.pongs += 1;
        }
        Ok(())
    }
}
