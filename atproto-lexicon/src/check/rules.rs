//! One function for each constraint.

use super::{Checker, Reason};
use crate::data::{BlobRef, Object, has_no_json_form};
use std::ops::{Bound, RangeBounds};
use unicode_segmentation::UnicodeSegmentation as _;

/// The least and the greatest number of a range; an end that is not part of it counts as the number beside it.
fn ends(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let min = match range.start_bound() {
        Bound::Included(min) => *min,
        Bound::Excluded(below) => below.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let max = match range.end_bound() {
        Bound::Included(max) => *max,
        Bound::Excluded(above) => above.saturating_sub(1),
        Bound::Unbounded => u64::MAX,
    };
    (min, max)
}

impl Checker<'_> {
    /// `minLength` and `maxLength` of a text or byte string, in bytes.
    #[inline]
    pub fn length(&mut self, value: impl AsRef<[u8]>, range: impl RangeBounds<u64>) {
        let length = value.as_ref().len() as u64;
        let (min, max) = ends(&range);
        if length < min {
            self.fail(Reason::TooShort { length, min });
        } else if length > max {
            self.fail(Reason::TooLong { length, max });
        }
    }

    /// `minGraphemes` and `maxGraphemes`, in extended grapheme clusters.
    #[inline]
    pub fn graphemes(&mut self, value: impl AsRef<str>, range: impl RangeBounds<u64>) {
        let (min, max) = ends(&range);
        self.count_graphemes(value.as_ref(), min, max);
    }

    fn count_graphemes(&mut self, text: &str, min: u64, max: u64) {
        if min > 0 {
            let count = text.graphemes(true).take(usize::try_from(min).unwrap_or(usize::MAX)).count() as u64;
            if count < min {
                return self.fail(Reason::TooFewGraphemes { count, min });
            }
        }
        // No cluster is shorter than a byte, so that most texts need not be counted.
        if text.len() as u64 > max {
            let over = usize::try_from(max).ok().is_some_and(|max| text.graphemes(true).nth(max).is_some());
            if over {
                self.fail(Reason::TooManyGraphemes { max });
            }
        }
    }

    /// `minLength` and `maxLength` of an array.
    #[inline]
    pub fn items(&mut self, count: usize, range: impl RangeBounds<u64>) {
        let count = count as u64;
        let (min, max) = ends(&range);
        if count < min {
            self.fail(Reason::TooFewItems { count, min });
        } else if count > max {
            self.fail(Reason::TooManyItems { count, max });
        }
    }

    /// `minimum` and `maximum` of an integer; the range has no end that is not part of it.
    #[inline]
    pub fn integer(&mut self, value: i64, range: impl RangeBounds<i64>) {
        match (range.start_bound(), range.end_bound()) {
            (Bound::Included(&min), _) if value < min => self.fail(Reason::BelowMinimum { value, min }),
            (_, Bound::Included(&max)) if value > max => self.fail(Reason::AboveMaximum { value, max }),
            _ => {}
        }
    }

    /// `enum`.
    #[inline]
    pub fn one_of<T: PartialEq<U>, U>(&mut self, value: &T, values: &[U]) {
        if !values.iter().any(|allowed| value == allowed) {
            self.fail(Reason::NotInEnum);
        }
    }

    /// `const`.
    #[inline]
    pub fn constant<T: PartialEq<U> + ?Sized, U: ?Sized>(&mut self, value: &T, constant: &U) {
        if value != constant {
            self.fail(Reason::NotConst);
        }
    }

    /// `accept` of a blob, any type where it is empty, and `maxSize` in bytes. Nothing is known of the size of a legacy blob.
    pub fn blob(&mut self, blob: &BlobRef, accept: &[impl AsRef<str>], max_size: impl RangeBounds<u64>) {
        let (mime_type, size) = match blob {
            BlobRef::Blob(blob) => (&blob.mime_type, blob.size),
            BlobRef::Legacy(blob) => (&blob.mime_type, 0),
        };
        self.blob_of(mime_type, size, accept, max_size);
    }

    /// [`blob`](Self::blob), where no blob was made of these; `size` is 0 where it is not known.
    pub(crate) fn blob_of(
        &mut self,
        mime_type: &str,
        size: u64,
        accept: &[impl AsRef<str>],
        max_size: impl RangeBounds<u64>,
    ) {
        let (_, max) = ends(&max_size);
        if size > max {
            self.fail(Reason::BlobTooLarge { size, max });
        }
        if !accept.is_empty() && !accept.iter().any(|pattern| is_accepted(mime_type, pattern.as_ref())) {
            self.fail(Reason::BlobMediaType(mime_type.into()));
        }
    }

    /// `unknown`: an object that does not have the form of a blob, bytes or a link. The legacy form of blobs cannot be told from
    /// other objects, and is one of them here.
    pub fn unknown(&mut self, object: &Object) {
        if object.get("$type").is_some_and(|name| name.as_str() == Some("blob")) || has_no_json_form(object) {
            self.fail(Reason::Type { expected: "an object that is no blob, bytes or link" });
        }
    }
}

/// Whether a media type is what a pattern of `accept` stands for: itself, `image/*` or `*/*`.
fn is_accepted(mime_type: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        _ if pattern == "*/*" => true,
        Some(kind) if kind.ends_with('/') => mime_type.starts_with(kind),
        _ => mime_type == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Checker, Reason};
    use crate::data::{Blob, BlobRef, Cid, Codec, Object};

    fn reasons(check: impl FnOnce(&mut Checker<'_>)) -> Vec<Reason> {
        let mut checker = Checker::all();
        check(&mut checker);
        checker.finish().err().iter().flat_map(|failures| failures.iter()).map(|f| f.reason.clone()).collect()
    }

    #[test]
    fn lengths_are_of_bytes() {
        assert_eq!(reasons(|c| c.length("ää", 4..=4)), []);
        assert_eq!(reasons(|c| c.length("ää", ..=3)), [Reason::TooLong { length: 4, max: 3 }]);
        assert_eq!(reasons(|c| c.length(b"", 1..)), [Reason::TooShort { length: 0, min: 1 }]);
        assert_eq!(reasons(|c| c.length(b"abc", ..3)), [Reason::TooLong { length: 3, max: 2 }]);
    }

    #[test]
    fn graphemes_are_extended_clusters() {
        let family = "👩‍👩‍👦‍👦";
        assert_eq!(reasons(|c| c.graphemes(family, 1..=1)), []);
        assert_eq!(reasons(|c| c.graphemes(family.repeat(2), ..=1)), [Reason::TooManyGraphemes { max: 1 }]);
        assert_eq!(reasons(|c| c.graphemes(family, 2..)), [Reason::TooFewGraphemes { count: 1, min: 2 }]);
        assert_eq!(reasons(|c| c.graphemes("\r\n\r\n", 2..=2)), []);
        assert_eq!(reasons(|c| c.graphemes("abc", ..=3)), []);
        assert_eq!(reasons(|c| c.graphemes("abcd", ..=3)), [Reason::TooManyGraphemes { max: 3 }]);
        assert_eq!(reasons(|c| c.graphemes("", ..=0)), []);
        assert_eq!(reasons(|c| c.graphemes("a", ..=0)), [Reason::TooManyGraphemes { max: 0 }]);
    }

    #[test]
    fn numbers_and_values() {
        assert_eq!(reasons(|c| c.integer(5, 5..=5)), []);
        assert_eq!(reasons(|c| c.integer(4, 5..)), [Reason::BelowMinimum { value: 4, min: 5 }]);
        assert_eq!(reasons(|c| c.integer(6, ..=5)), [Reason::AboveMaximum { value: 6, max: 5 }]);
        assert_eq!(reasons(|c| c.one_of(&"b".to_owned(), &["a", "b"])), []);
        assert_eq!(reasons(|c| c.one_of(&3, &[1, 2])), [Reason::NotInEnum]);
        assert_eq!(reasons(|c| c.constant("b", "a")), [Reason::NotConst]);
        assert_eq!(reasons(|c| c.items(0, 1..)), [Reason::TooFewItems { count: 0, min: 1 }]);
    }

    #[test]
    fn blobs() {
        let blob = |mime_type: &str, size| {
            BlobRef::Blob(Blob {
                cid: Cid::of(Codec::Raw, b""),
                mime_type: mime_type.into(),
                size,
                extra: Object::new(),
            })
        };
        for (mime_type, accept, is_accepted) in [
            ("image/png", &["image/*"][..], true),
            ("image/png", &["video/mp4", "image/png"], true),
            ("image/png", &["*/*"], true),
            ("image/png", &[], true),
            ("imagery/png", &["image/*"], false),
            ("image/png", &["image/p*"], false),
            ("image/png", &["*"], false),
            ("image/png", &["image/"], false),
        ] {
            let found = reasons(|c| c.blob(&blob(mime_type, 1), accept, ..));
            assert_eq!(found.is_empty(), is_accepted, "{mime_type} {accept:?}");
        }
        let too_large = [Reason::BlobTooLarge { size: 11, max: 10 }];
        assert_eq!(reasons(|c| c.blob(&blob("a/b", 11), &[] as &[&str], ..=10)), too_large);
    }

    #[test]
    fn one_or_all_with_their_places() {
        let mut all = Checker::all();
        let mut first = Checker::first();
        for checker in [&mut all, &mut first] {
            checker.at("a/b", |c| c.each(&[1, 2, 3], |c, number| c.integer(*number, 3..)));
        }
        let all = all.finish().unwrap_err();
        assert_eq!(all.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["/a~1b/0", "/a~1b/1"]);
        assert_eq!(all.to_string(), "/a~1b/0: 1 is less than 3 (and 1 more)");
        assert_eq!(first.finish().unwrap_err().iter().count(), 1);
    }
}
