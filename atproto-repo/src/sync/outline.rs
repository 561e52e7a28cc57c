use super::{CommitEvent, RepoOp};
use std::ops::Range;

/// A `#commit` that was read, apart from its body, so that both can be kept and it is not read twice: a [`CommitEvent`] borrows from
/// the body.
///
/// ```
/// use atproto_repo::sync::{CommitOutline, Event};
/// # use atproto_crypto::{Curve, SecretKey};
/// # use atproto_lexicon::syntax::Tid;
/// # use atproto_repo::repo::UnsignedCommit;
/// # let did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse()?;
/// # let commit = UnsignedCommit::create(&did, &[], Tid::from_parts(1_750_000_000_000_000, 1).unwrap())?;
/// # let key = SecretKey::from_hex(Curve::K256, &"2b".repeat(32))?;
/// # let body = commit.sign(&key).commit_event(1, "2026-01-01T00:00:00.000Z")?;
///
/// let Some(Event::Commit(event)) = Event::parse("#commit", &body)? else { panic!("it is one") };
/// let outline = CommitOutline::new(event.clone(), &body).unwrap();
/// assert_eq!(outline.into_event(&body), Some(event));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitOutline {
    /// The event without what it borrows.
    event: CommitEvent<'static>,
    blocks: Range<usize>,
    time: Range<usize>,
    paths: Vec<Range<usize>>,
}

impl CommitOutline {
    /// What an event is but for the parts of its body; `None` where these are not in `body`, from which it was read.
    pub fn new(event: CommitEvent<'_>, body: &[u8]) -> Option<Self> {
        let place = |part: &[u8]| {
            let start = part.as_ptr().addr().checked_sub(body.as_ptr().addr())?;
            let end = start.checked_add(part.len()).filter(|end| *end <= body.len())?;
            Some(start..end)
        };
        let (blocks, time) = (place(event.blocks)?, place(event.time.as_bytes())?);
        let paths = event.ops.iter().map(|op| place(op.path.as_bytes())).collect::<Option<_>>()?;
        let ops = event.ops.iter().map(|op| RepoOp { path: "", ..*op }).collect();
        Some(Self { event: CommitEvent { blocks: &[], time: "", ops, ..event }, blocks, time, paths })
    }

    /// The event in its body; `None` where that is another one which cannot have these parts.
    pub fn into_event(self, body: &[u8]) -> Option<CommitEvent<'_>> {
        let text = |place: Range<usize>| std::str::from_utf8(body.get(place)?).ok();
        let mut event: CommitEvent<'_> = self.event;
        event.blocks = body.get(self.blocks)?;
        event.time = text(self.time)?;
        for (op, path) in event.ops.iter_mut().zip(self.paths) {
            op.path = text(path)?;
        }
        Some(event)
    }
}
