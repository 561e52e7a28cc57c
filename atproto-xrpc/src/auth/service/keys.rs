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

    /// The same, found anew: after a signature did not match. Not asked for where nothing is remembered.
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
        Ok(Self::refresh(self, did).await?.document().key(name))
    }
}
