//! What a consumer is sent, without IO.

use super::log::Batch;
use crate::stream::frame::{to_error_frame, to_frame};
use atproto_lexicon::data::{Object, cbor};
use atproto_lexicon::http::Bytes;

/// Where a consumer is in a log.
#[derive(Debug)]
pub(super) struct Follow {
    after: u64,
    /// Whether the log may have gone further than where it was asked to begin: before the first events.
    may_jump: bool,
    /// Whether the consumer has to be told that it did.
    is_told: bool,
}

/// What to do with what was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Send these, and read again.
    Send(Vec<Bytes>),
    /// Wait for further ones.
    Wait,
    /// Send an error, and close.
    End(Bytes),
    /// Close: the log gives numbers that do not rise.
    Broken,
}

impl Follow {
    /// From a cursor on, in a log whose last event has this number.
    ///
    /// # Errors
    /// The frame of the error `FutureCursor`.
    pub(super) fn new(cursor: Option<u64>, last: u64) -> Result<Self, Bytes> {
        match cursor {
            Some(cursor) if cursor > last => {
                Err(to_error_frame("FutureCursor", Some("the cursor is in the future")).into())
            }
            Some(cursor) => Ok(Self { after: cursor, may_jump: true, is_told: cursor > 0 }),
            None => Ok(Self { after: last, may_jump: false, is_told: false }),
        }
    }

    /// After which event to read.
    pub(super) fn after(&self) -> u64 {
        self.after
    }

    /// Takes what was read.
    pub(super) fn read(&mut self, batch: Batch) -> Next {
        let mut frames = Vec::new();
        if batch.gone > self.after {
            if !self.may_jump {
                let message = "the events that come next are no longer there";
                return Next::End(to_error_frame("ConsumerTooSlow", Some(message)).into());
            }
            self.after = batch.gone;
            if self.is_told {
                frames.push(outdated_cursor());
            }
        }
        self.may_jump = false;
        for event in batch.events {
            if event.seq <= self.after {
                return Next::Broken;
            }
            self.after = event.seq;
            frames.push(event.frame);
        }
        if frames.is_empty() { Next::Wait } else { Next::Send(frames) }
    }
}

fn outdated_cursor() -> Bytes {
    let body = Object::from([
        ("name".into(), "OutdatedCursor".into()),
        ("message".into(), "events after the cursor are no longer there".into()),
    ]);
    // Texts can be written.
    to_frame("#info", &cbor::to_vec(&body).unwrap_or_default()).into()
}

#[cfg(test)]
mod tests {
    use super::super::log::Event;
    use super::*;
    use atproto_lexicon::data::Limits;
    use atproto_lexicon::data::frame::Frame;

    fn batch(gone: u64, seqs: &[u64]) -> Batch {
        let events = seqs.iter().map(|seq| Event { seq: *seq, frame: vec![*seq as u8].into() });
        Batch { gone, events: events.collect() }
    }

    fn frames(seqs: &[u8]) -> Next {
        Next::Send(seqs.iter().map(|seq| vec![*seq].into()).collect())
    }

    fn error(next: &Next) -> &str {
        let Next::End(bytes) = next else { panic!("{next:?}") };
        match Frame::parse(bytes, &Limits::OBJECT).unwrap() {
            Frame::Error { error, .. } => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_consumer_goes_on_from_its_cursor() {
        let mut follow = Follow::new(Some(3), 5).unwrap();
        assert_eq!(follow.read(batch(3, &[4, 5])), frames(&[4, 5]));
        assert_eq!(follow.read(batch(3, &[])), Next::Wait);
        assert_eq!(follow.read(batch(5, &[9])), frames(&[9]));
        assert_eq!(follow.after(), 9);
        assert_eq!(follow.read(batch(5, &[9])), Next::Broken);
    }

    #[test]
    fn what_is_gone_is_told() {
        let mut follow = Follow::new(Some(3), 9).unwrap();
        let Next::Send(sent) = follow.read(batch(4, &[5])) else { panic!() };
        assert_eq!(sent.len(), 2);
        assert!(matches!(Frame::parse(&sent[0], &Limits::OBJECT), Ok(Frame::Message { t: "#info", .. })));
        // Only once: then it is too slow.
        assert_eq!(error(&follow.read(batch(6, &[7]))), "ConsumerTooSlow");
        // From the beginning is from where there is something; and before it has begun, nothing is lost.
        let mut follow = Follow::new(Some(0), 9).unwrap();
        assert_eq!(follow.read(batch(4, &[5])), frames(&[5]));
        let mut follow = Follow::new(None, 9).unwrap();
        assert_eq!(follow.read(batch(4, &[])), Next::Wait);
        assert_eq!(error(&follow.read(batch(10, &[11]))), "ConsumerTooSlow");
    }

    #[test]
    fn the_future_is_not_known() {
        let end = Next::End(Follow::new(Some(6), 5).unwrap_err());
        assert_eq!(error(&end), "FutureCursor");
        assert!(Follow::new(Some(5), 5).is_ok() && Follow::new(Some(0), 0).is_ok());
        assert!(Follow::new(Some(1), 0).is_err());
    }
}
