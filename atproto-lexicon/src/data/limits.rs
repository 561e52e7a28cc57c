/// How large and how deep data may be before it is refused.
///
/// The defaults stop hostile input, not honest data (<https://atproto.com/specs/data-model#security-considerations>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Greatest length of the whole, in bytes.
    pub bytes: usize,
    /// Greatest nesting of arrays and objects; more than [`Limits::MAX_DEPTH`] counts as that.
    pub depth: usize,
    /// Greatest number of entries in one array or object.
    pub items: usize,
    /// Greatest length of an object's key, in bytes.
    pub key: usize,
}

impl Limits {
    /// No setting allows deeper nesting, so that what walks a value recursively cannot exhaust the stack.
    pub const MAX_DEPTH: usize = 256;

    /// Any object: 5 MiB.
    pub const OBJECT: Self = Self { bytes: 5 << 20, depth: 128, items: 131_072, key: 8192 };
    /// A record as DAG-CBOR: 1,000,000 bytes.
    pub const RECORD: Self = Self { bytes: 1_000_000, ..Self::OBJECT };
    /// A record as JSON: 2 MiB.
    pub const JSON_RECORD: Self = Self { bytes: 2 << 20, ..Self::OBJECT };

    pub(super) fn max_depth(&self) -> usize {
        self.depth.min(Self::MAX_DEPTH)
    }
}

impl Default for Limits {
    /// [`Limits::OBJECT`].
    fn default() -> Self {
        Self::OBJECT
    }
}
