//! Numbers that a seed makes, the same on every machine; or that bytes say.

/// SplitMix64, after what the bytes say.
pub struct Choices {
    state: u64,
    bytes: std::vec::IntoIter<u8>,
    /// How many definitions the value that is being made is within.
    pub(super) within: usize,
    /// How many definitions had a value in the one that is being made.
    pub(super) made: usize,
}

impl Choices {
    /// Choices that a seed makes.
    pub fn new(seed: u64) -> Self {
        Self::of(seed, &[])
    }

    /// Each byte is a choice; the seed makes those for which there is none.
    pub fn of(seed: u64, bytes: &[u8]) -> Self {
        Self { state: seed, bytes: Vec::from(bytes).into_iter(), within: 0, made: 0 }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..count`.
    pub fn below(&mut self, count: usize) -> usize {
        match self.bytes.next() {
            // All of a small range can be said, and a large one is gone through in steps.
            Some(byte) => (usize::from(byte) * count) >> 8,
            None => (self.next() % count as u64) as usize,
        }
    }

    /// Whether, in so many of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of these, which are not none.
    pub fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }

    /// Some of these, each once, in any order.
    pub fn some<'a>(&mut self, items: &[&'a str], most: usize) -> Vec<&'a str> {
        let mut left = items.to_vec();
        let count = self.below(most + 1).min(left.len());
        (0..count).map(|_| left.swap_remove(self.below(left.len()))).collect()
    }
}
