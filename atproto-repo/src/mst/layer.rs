use atproto_lexicon::data::{sha256, sha256_each};

/// The layer of a key, the leaves' being 0: pairs of leading zero bits in its SHA-256.
pub fn layer_of(key: &[u8]) -> u32 {
    layer_of_digest(&sha256(key))
}

/// Calls `take` with the layer of each key in turn, for as long as it takes them. The keys are hashed some together.
#[inline]
pub(super) fn layers_of<'a, E>(
    keys: impl IntoIterator<Item = &'a [u8]>,
    mut take: impl FnMut(u32) -> Result<(), E>,
) -> Result<(), E> {
    sha256_each(keys, |digest| take(layer_of_digest(&digest)))
}

#[inline]
fn layer_of_digest(digest: &[u8; 32]) -> u32 {
    let mut bits = 0_u32;
    for word in digest.as_chunks().0 {
        let word = u64::from_be_bytes(*word);
        bits = bits.saturating_add(word.leading_zeros());
        if word != 0 {
            break;
        }
    }
    bits / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_pairs_of_zero_bits() {
        for bits in 0..=256_u32 {
            let mut digest = [0xff_u8; 32];
            for (index, byte) in digest.iter_mut().enumerate() {
                let zeros = bits.saturating_sub(8 * index as u32).min(8);
                *byte = 0xff_u8.checked_shr(zeros).unwrap_or(0);
            }
            assert_eq!(layer_of_digest(&digest), bits / 2, "{bits} bits");
        }
    }
}
