//! Frames of event streams: those of [`atproto_lexicon::data::frame`], and typed messages in them.

pub use atproto_lexicon::data::frame::{
    Body, Frame, FrameError, MAX_SEQ, Part, check_body, renumber, to_error_frame, to_frame,
};

use atproto_lexicon::data::cbor::{self, EncodeError};
use atproto_lexicon::typed::{Endpoint, to_object};
use serde::Serialize;

/// The most bytes of a frame: consumers take no longer ones (<https://atproto.com/specs/event-stream>).
pub const MAX_FRAME: usize = 5_000_000;

/// The frame of a message of a subscription, for a server: its type goes to the header, by its fragment
/// (<https://atproto.com/specs/event-stream#framing>).
///
/// ```
/// use atproto_xrpc::api::com::atproto::label::subscribe_labels::{Info, SubscribeLabels, SubscribeLabelsMessage};
/// use atproto_xrpc::stream::frame::{Frame, to_message};
///
/// let message = SubscribeLabelsMessage::from(Info::new("OutdatedCursor".into()));
/// let bytes = to_message::<SubscribeLabels>(&message)?;
/// assert!(matches!(Frame::parse(&bytes, &Default::default())?, Frame::Message { t: "#info", .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`EncodeError`] where the message is not of the data model.
pub fn to_message<E>(message: &E::Output) -> Result<Vec<u8>, EncodeError>
where
    E: Endpoint,
    E::Output: Serialize,
{
    let mut body = to_object(message)?;
    let name = body.remove("$type");
    let name = name.as_ref().and_then(|name| name.as_str()).unwrap_or_default();
    let t = name.strip_prefix(E::NSID).filter(|rest| rest.starts_with('#')).unwrap_or(name);
    Ok(to_frame(t, &cbor::to_vec(&body)?))
}
