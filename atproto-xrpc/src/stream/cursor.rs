//! Where a consumer is: which events were handled, and where that is kept.

use atproto_lexicon::http::MaybeSend;
use std::collections::VecDeque;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// Keeps the cursor of one stream: the number of the last event that was handled, and all before it.
pub trait CursorStore: MaybeSend {
    /// What was saved last; `None` where nothing was.
    ///
    /// # Errors
    /// [`CursorError`].
    fn load(&mut self) -> impl Future<Output = Result<Option<u64>, CursorError>> + MaybeSend;

    /// Saves a cursor in place of the one before. Where the future is dropped, either of them must be there, and whole.
    ///
    /// # Errors
    /// [`CursorError`].
    fn save(&mut self, cursor: u64) -> impl Future<Output = Result<(), CursorError>> + MaybeSend;

    /// Whether anything is kept at all. Otherwise nobody has to say which events were handled.
    fn is_kept(&self) -> bool {
        true
    }
}

/// Why a cursor was not loaded or saved.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the cursor's store failed")]
pub struct CursorError(#[source] Arc<dyn Error + Send + Sync>);

impl CursorError {
    /// With what the store says of it.
    pub fn new(source: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCursor;

impl CursorStore for NoCursor {
    async fn load(&mut self) -> Result<Option<u64>, CursorError> {
        Ok(None)
    }

    async fn save(&mut self, _: u64) -> Result<(), CursorError> {
        Ok(())
    }

    fn is_kept(&self) -> bool {
        false
    }
}

/// Keeps the cursor in memory; its clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct MemoryCursor(Arc<Mutex<Option<u64>>>);

impl MemoryCursor {
    /// With a cursor.
    pub fn new(cursor: Option<u64>) -> Self {
        Self(Arc::new(Mutex::new(cursor)))
    }

    /// What was saved last.
    pub fn get(&self) -> Option<u64> {
        *lock(&self.0)
    }
}

impl CursorStore for MemoryCursor {
    async fn load(&mut self) -> Result<Option<u64>, CursorError> {
        Ok(self.get())
    }

    async fn save(&mut self, cursor: u64) -> Result<(), CursorError> {
        *lock(&self.0) = Some(cursor);
        Ok(())
    }
}

/// Keeps the cursor in a file, as a line of digits. It is written beside the file, under its name with `.new` at the end, made
/// durable, and then put in its place, so that there is always a whole one. That blocks the thread for as long as the disk takes.
#[derive(Debug, Clone)]
pub struct FileCursor {
    path: PathBuf,
}

impl FileCursor {
    /// In a file of this name, which one process writes.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn read(&self) -> io::Result<Option<u64>> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut text = String::new();
        // More than a number has.
        file.take(32).read_to_string(&mut text)?;
        let is_number = text.strip_suffix('\n').unwrap_or(&text).parse();
        is_number.map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn write(&self, cursor: u64) -> io::Result<()> {
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let mut file = File::create(&name)?;
        writeln!(file, "{cursor}")?;
        file.sync_all()?;
        drop(file);
        std::fs::rename(&name, &self.path)?;
        // The renaming is durable once the folder is; not every system can say so, and an older cursor does no harm.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(Ok(folder)) = folder.map(File::open) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl CursorStore for FileCursor {
    async fn load(&mut self) -> Result<Option<u64>, CursorError> {
        self.read().map_err(CursorError::new)
    }

    async fn save(&mut self, cursor: u64) -> Result<(), CursorError> {
        self.write(cursor).map_err(CursorError::new)
    }
}

/// Which events were handled, in whichever order. Its clones are the same one, for tasks that handle events side by side.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// Events that were given, from the first that is not handled; numbers rise, and times do not fall.
    given: VecDeque<(u64, bool)>,
    cursor: Option<u64>,
    /// How far the cursor has come, in events.
    count: u64,
    waiting: Option<Waker>,
}

impl Progress {
    /// Says that an event was handled, and need not come again.
    pub fn handled(&self, seq: u64) {
        let mut inner = lock(&self.0);
        // Of events with the same time, each is handled by itself.
        let first = inner.given.partition_point(|(given, _)| *given < seq);
        let same = inner.given.iter_mut().skip(first).take_while(|(given, _)| *given == seq);
        if let Some(place) = same.into_iter().find(|(_, is_handled)| !is_handled) {
            place.1 = true;
        }
        while let Some((seq, _)) = inner.given.front().copied().filter(|(_, is_handled)| *is_handled) {
            inner.given.pop_front();
            inner.cursor = Some(seq);
            inner.count = inner.count.saturating_add(1);
        }
        if let Some(waker) = inner.waiting.take() {
            waker.wake();
        }
    }

    /// The last event before which all were handled, and itself.
    pub fn cursor(&self) -> Option<u64> {
        lock(&self.0).cursor
    }

    /// How many events were given, from the first on that is not handled.
    pub fn unhandled(&self) -> usize {
        lock(&self.0).given.len()
    }

    /// Begins after an event.
    pub(super) fn start(&self, cursor: Option<u64>) {
        lock(&self.0).cursor = cursor;
    }

    pub(super) fn give(&self, seq: u64) {
        lock(&self.0).given.push_back((seq, false));
    }

    /// The cursor, and how many events were handled up to it.
    pub(super) fn count(&self) -> (Option<u64>, u64) {
        let inner = lock(&self.0);
        (inner.cursor, inner.count)
    }

    /// Is ready when fewer events than this wait to be handled.
    pub(super) async fn room(&self, limit: usize) {
        std::future::poll_fn(|context| {
            let mut inner = lock(&self.0);
            if inner.given.len() < limit {
                return Poll::Ready(());
            }
            inner.waiting = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
