use sha2::Sha256;
use sha2::block_api::compress256;
use sha2::digest::Digest as _;

/// SHA-256 of bytes that are all there: the same as `sha2::Sha256::digest`, without the buffer that a hasher needs for
/// bytes yet to come. For the short inputs that repositories are made of, that buffer costs as much as the hashing.
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
    compress256(&mut state, blocks);
    // The padding: one bit, zeros, and the length in bits, in one block or in two.
    let mut tail = [[0_u8; 64]; 2];
    let Some((start, marker)) = tail.as_flattened_mut().split_at_mut_checked(rest.len()) else {
        return Sha256::digest(bytes).into();
    };
    start.copy_from_slice(rest);
    if let Some(first) = marker.first_mut() {
        *first = 0x80;
    }
    let length = (bytes.len() as u64).wrapping_mul(8).to_be_bytes();
    let [first, second] = &mut tail;
    if rest.len() < 56 {
        set_end(first, length);
        compress256(&mut state, std::slice::from_ref(first));
    } else {
        set_end(second, length);
        compress256(&mut state, &tail);
    }
    let mut digest = [0; 32];
    for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}

fn set_end(block: &mut [u8; 64], length: [u8; 8]) {
    if let Some(end) = block.last_chunk_mut() {
        *end = length;
    }
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
