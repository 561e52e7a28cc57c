use atproto_lexicon::data::sha256;

/// The layer of a key, the leaves' being 0: pairs of leading zero bits in its SHA-256.
pub fn layer_of(key: &[u8]) -> u32 {
    let digest = sha256(key);
    let mut bits = 0_u32;
    for byte in digest {
        bits = bits.saturating_add(byte.leading_zeros());
        if byte != 0 {
            break;
        }
    }
    bits / 2
}
