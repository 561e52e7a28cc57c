use atproto_crypto::PublicKey;
use atproto_identity::clock::Clock;
use atproto_identity::dns::Dns;
use atproto_identity::{Directory, ResolveError};
use atproto_lexicon::http::{HttpClient, MaybeSend, MaybeSync};
use atproto_lexicon::syntax::Did;

/// Where the keys of accounts come from.
pub trait Keys: MaybeSync {
    /// Whether [`key`](Self::key) may give what was found earlier.
    const REMEMBERS: bool;

    /// The key of this name, without `#`, in the document of a DID; `None` where it has no valid one.
    ///
    /// # Errors
    /// [`ResolveError`] where the document is not known.
    fn key(
        &self,
        did: &Did,
        name: &str,
    ) -> impl Future<Output = Result<Option<PublicKey>, ResolveError>> + MaybeSend;

    /// The same, found anew: after a signature did not match. Not asked for where nothing is remembered. Anybody can bring a token that
    /// names a DID and does not match: how often a DID is looked up for that is for the implementation to bound.
    ///
    /// # Errors
    /// [`ResolveError`].
    fn refresh(
        &self,
        did: &Did,
        name: &str,
    ) -> impl Future<Output = Result<Option<PublicKey>, ResolveError>> + MaybeSend {
        self.key(did, name)
    }
}

impl<H: HttpClient, D: Dns + MaybeSync, C: Clock + MaybeSync> Keys for Directory<H, D, C> {
    const REMEMBERS: bool = false;

    async fn key(&self, did: &Did, name: &str) -> Result<Option<PublicKey>, ResolveError> {
        Ok(self.document(did).await?.key(name))
    }
}

/// How old a key is at least that is looked up again.
#[cfg(feature = "cache")]
const OLD: std::time::Duration = std::time::Duration::from_secs(10);

/// A key that did not match is looked up again where it was found more than 10 s ago.
#[cfg(feature = "cache")]
impl<H, D, C> Keys for atproto_identity::cache::CachedDirectory<H, D, C>
where
    H: HttpClient,
    D: Dns + MaybeSync,
    C: Clock + MaybeSync,
{
    const REMEMBERS: bool = true;

    async fn key(&self, did: &Did, name: &str) -> Result<Option<PublicKey>, ResolveError> {
        Ok(self.lookup_did(did).await?.document().key(name))
    }

    async fn refresh(&self, did: &Did, name: &str) -> Result<Option<PublicKey>, ResolveError> {
        Ok(self.refresh_older(did, OLD).await?.document().key(name))
    }
}
