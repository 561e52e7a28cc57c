use sha2::Sha256;
use sha2::block_api::compress256;
use sha2::digest::Digest as _;

/// SHA-256 of bytes that are all there: the same as `sha2::Sha256::digest`, without the buffer that a hasher needs for
/// bytes yet to come. For the short inputs that repositories are made of, that buffer costs as much as the hashing.
#[inline]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
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
    digest_of(state)
}

/// [`sha256`] of each input in turn, for as long as `take` takes them; its error otherwise. Of short inputs, such as the keys of a
/// tree, some are hashed together: where one is hashed right after it was written into its block, the processor waits for that.
///
/// # Errors
/// The first of `take`.
#[inline]
pub fn sha256_each<'a, E>(
    inputs: impl IntoIterator<Item = &'a [u8]>,
    mut take: impl FnMut([u8; 32]) -> Result<(), E>,
) -> Result<(), E> {
    const TOGETHER: usize = 4;
    let mut inputs = inputs.into_iter();
    loop {
        let (mut blocks, mut filled, mut long) = ([[0; 64]; TOGETHER], 0_usize, None);
        for (block, input) in blocks.iter_mut().zip(&mut inputs) {
            if !pad(input, block) {
                long = Some(input);
                break;
            }
            filled = filled.saturating_add(1);
        }
        for block in blocks.iter().take(filled) {
            let mut state = INITIAL;
            compress256(&mut state, std::slice::from_ref(block));
            take(digest_of(state))?;
        }
        match long {
            Some(long) => take(sha256(long))?,
            None if filled < TOGETHER => return Ok(()),
            None => {}
        }
    }
}

/// Writes an input that fits into one block together with its padding; false where it does not.
#[inline]
fn pad(input: &[u8], block: &mut [u8; 64]) -> bool {
    let Some((start, [marker, ..])) = block.split_at_mut_checked(input.len()) else { return false };
    if input.len() >= 56 {
        return false;
    }
    start.copy_from_slice(input);
    *marker = 0x80;
    if let Some(end) = block.last_chunk_mut() {
        *end = (input.len() as u64).wrapping_mul(8).to_be_bytes();
    }
    true
}

const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

#[inline]
fn digest_of(state: [u32; 8]) -> [u8; 32] {
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

    #[test]
    fn each_of_many_is_that_of_one() {
        let bytes: Vec<u8> = (0..200_u32).map(|number| (number * 31) as u8).collect();
        // Short and long ones, in every order within a few.
        let inputs: Vec<&[u8]> =
            (0..1000_usize).map(|number| &bytes[..number.wrapping_mul(2_654_435_761) % 113]).collect();
        for count in [0, 1, 3, 4, 5, 8, inputs.len()] {
            let mut digests = Vec::new();
            let all = sha256_each(inputs[..count].iter().copied(), |digest| {
                digests.push(digest);
                Ok::<_, ()>(())
            });
            assert_eq!(all, Ok(()));
            assert_eq!(digests, inputs[..count].iter().map(|input| sha256(input)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn each_stops_where_it_is_told() {
        for last in 0..12 {
            let mut taken = 0;
            let stopped =
                sha256_each([&[1; 60][..], &[2], &[3], &[4], &[5], &[6]].into_iter().cycle(), |_| {
                    taken += 1;
                    if taken > last { Err(taken) } else { Ok(()) }
                });
            assert_eq!(stopped, Err(last + 1));
        }
    }
}
