use sha2::Sha256;
use sha2::block_api::compress256;
use sha2::digest::Digest as _;

/// SHA-256 of bytes that are all there: the same as `sha2::Sha256::digest`, without the buffer that a hasher needs for
/// bytes yet to come. For the short inputs that repositories are made of, that buffer costs as much as the hashing.
#[inline]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    const INITIAL: [u32; 8] = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    let (blocks, rest) = bytes.as_chunks::<64>();
    let mut state = INITIAL;
    // Most keys of a tree are shorter than a block.
    if !blocks.is_empty() {
        compress256(&mut state, blocks);
    }
    // The padding: one bit, zeros, and the length in bits, in this block or in one more.
    let mut tail = [0_u8; 64];
    let Some((start, [marker, ..])) = tail.split_at_mut_checked(rest.len()) else {
        return Sha256::digest(bytes).into();
    };
    start.copy_from_slice(rest);
    *marker = 0x80;
    if rest.len() >= 56 {
        compress256(&mut state, std::slice::from_ref(&tail));
        tail = [0; 64];
    }
    if let Some(end) = tail.last_chunk_mut() {
        *end = (bytes.len() as u64).wrapping_mul(8).to_be_bytes();
    }
    compress256(&mut state, std::slice::from_ref(&tail));
    let mut digest = [0; 32];
    for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_that_of_the_hasher() {
        let bytes: Vec<u8> = (0..1000_u32).map(|number| (number * 31) as u8).collect();
        for length in 0..bytes.len() {
            assert_eq!(
                sha256(&bytes[..length]),
                <[u8; 32]>::from(Sha256::digest(&bytes[..length])),
                "{length} bytes"
            );
        }
    }
}
