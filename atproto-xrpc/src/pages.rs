use crate::auth::Auth;
use crate::client::Client;
use crate::error::{Error, Malformed};
use crate::response::Reply;
use atproto_lexicon::clock::Clock;
use atproto_lexicon::http::HttpClient;
use atproto_lexicon::typed::Paged;
use futures_util::stream::{Stream, unfold};
use serde::Serialize;
use serde::de::DeserializeOwned;

impl<H: HttpClient, C: Clock, A: Auth> Client<H, C, A> {
    /// The pages of a query, from the cursor that it has on, or from the first
    /// (<https://atproto.com/specs/xrpc#cursors-and-pagination>). A page is asked for when the one before it was taken; one without
    /// items is a page, too. After an error there are no more: a page that was answered may be asked for again with the cursor of the
    /// one before.
    ///
    /// A server that names the same cursor twice in a row is [`Malformed`](Error::Malformed): its pages have no end.
    pub fn pages<E>(
        &self,
        endpoint: E,
    ) -> impl Stream<Item = Result<Reply<E::Output>, Error<E::Error>>> + use<'_, E, H, C, A>
    where
        E: Paged,
        E::Params: Serialize,
        E::Input: Serialize,
        E::Output: DeserializeOwned,
        E::Error: for<'a> From<&'a str> + AsRef<str>,
    {
        unfold(Some((endpoint, None)), |next| async {
            let (mut endpoint, cursor): (E, Option<String>) = next?;
            let reply = match self.send(&endpoint).await {
                Ok(reply) => reply,
                Err(error) => return Some((Err(error), None)),
            };
            // Some servers say that there is no more with an empty one.
            match E::cursor_of(&reply.output).filter(|cursor| !cursor.is_empty()) {
                None => Some((Ok(reply), None)),
                Some(same) if cursor.as_deref() == Some(same) => {
                    let reason = "the cursor of the page before".to_owned();
                    let malformed = Malformed { head: reply.head, reason, snippet: String::new() };
                    Some((Err(Error::Malformed(Box::new(malformed))), None))
                }
                Some(new) => {
                    let new = new.to_owned();
                    endpoint.set_cursor(new.clone());
                    Some((Ok(reply), Some((endpoint, Some(new)))))
                }
            }
        })
    }
}
