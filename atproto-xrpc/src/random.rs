//! Randomness, as a program brings it.

use atproto_lexicon::http::MaybeSync;

/// A source of bytes that nobody can guess: the operating system's, such as `getrandom`.
///
/// Keys, states and the names of tokens are made from it, so that a weak one gives sessions away.
pub trait Random: MaybeSync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

impl<F: Fn(&mut [u8]) + MaybeSync> Random for F {
    fn fill(&self, bytes: &mut [u8]) {
        self(bytes);
    }
}

/// So many bytes of it.
pub(crate) fn bytes<const N: usize>(random: &(impl Random + ?Sized)) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

/// A name that nobody else gives: 16 bytes in base64url.
pub(crate) fn nonce(random: &(impl Random + ?Sized)) -> String {
    data_encoding::BASE64URL_NOPAD.encode(&bytes::<16>(random))
}
