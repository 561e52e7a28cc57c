use super::super::unicode::{is_punctuation, is_space};
use crate::api::app::bsky::actor::defs::{MutedWord, MutedWordActorTarget, MutedWordTarget};
use std::borrow::Cow;

/// A muted word that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct MutedWordMatch<'a> {
    /// The word.
    pub word: &'a MutedWord,
    /// What it was found in: the word itself, or the part of the text, in lower case.
    pub found: String,
}

/// A text in which muted words are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passage<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// Its tags, in the text and beside it, without `#`.
    pub tags: Vec<&'a str>,
    /// The first of its languages.
    pub language: Option<&'a str>,
    /// Whether the user follows who wrote it.
    pub is_by_followed: bool,
}

/// Languages that do not separate words by spaces, or in which those words do not help: there a word is found anywhere.
const UNSPACED: [&str; 5] = ["ja", "zh", "ko", "th", "vi"];

impl Passage<'_> {
    /// The muted words that are found at a time in microseconds since 1970.
    pub fn find<'w>(&self, words: &'w [MutedWord], now: u64) -> Vec<MutedWordMatch<'w>> {
        if words.is_empty() {
            return Vec::new();
        }
        let text = self.text.to_lowercase();
        let tags: Vec<String> = self.tags.iter().map(|tag| tag.to_lowercase()).collect();
        words
            .iter()
            .filter(|word| self.counts(word, now))
            .filter_map(|word| {
                let value = word.value.to_lowercase();
                let found = if tags.contains(&value) {
                    Some(word.value.clone())
                } else if !word.targets.contains(&MutedWordTarget::Content) {
                    None
                } else if self.is_inside(&text, &value) {
                    Some(word.value.clone())
                } else {
                    find_word(&text, &value)
                };
                found.map(|found| MutedWordMatch { word, found })
            })
            .collect()
    }

    fn counts(&self, word: &MutedWord, now: u64) -> bool {
        let is_over =
            word.expires_at.as_ref().is_some_and(|instant| crate::time::order(instant, now).is_lt());
        let is_spared =
            word.actor_target == Some(MutedWordActorTarget::ExcludeFollowing) && self.is_by_followed;
        !is_over && !is_spared
    }

    /// Whether the text is the muted one, or has it in it and that is enough: it is one character, more than a word, or the
    /// language has no spaces.
    fn is_inside(&self, text: &str, value: &str) -> bool {
        let is_enough = || {
            utf16_len(value) == 1
                || self.language.is_some_and(|language| UNSPACED.contains(&language))
                || value.chars().any(|char| is_space(char) || is_punctuation(char))
        };
        text == value || (text.contains(value) && is_enough())
    }
}

/// Looks for a word among those of a text, with and without the punctuation around and in them.
fn find_word(text: &str, value: &str) -> Option<String> {
    for word in text.split(is_space) {
        let bare = word.trim_matches(is_punctuation);
        if word == value || bare == value {
            return Some(word.to_owned());
        }
        if utf16_len(value) > utf16_len(bare) || !bare.contains(is_punctuation) {
            continue;
        }
        // `and/or` is not `andor`. The reference does not look at the words after this one, either.
        if bare.contains('/') {
            return None;
        }
        let mut parts = bare.split(is_punctuation).filter(|part| !part.is_empty());
        let spaced = parts.clone().collect::<Vec<_>>().join(" ");
        if spaced == value || spaced.replace(' ', "") == value || parts.any(|part| part == value) {
            return Some(word.to_owned());
        }
    }
    None
}

/// The length as the reference counts it.
fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(value: &str) -> MutedWord {
        MutedWord::new(value.into(), vec![MutedWordTarget::Content])
    }

    fn found(text: &str, value: &str) -> Option<String> {
        let passage = Passage { text: text.into(), ..Passage::default() };
        passage.find(&[word(value)], 0).pop().map(|found| found.found)
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(found("A politics post", "Politics").as_deref(), Some("politics"));
        assert_eq!(found("A politicsy post", "politics"), None);
        assert_eq!(found("yay! (bonus)", "bonus").as_deref(), Some("(bonus)"));
        assert_eq!(found("super-bad/idea", "superbad"), None);
        assert_eq!(found("super-bad idea", "superbad").as_deref(), Some("super-bad"));
        assert_eq!(found("super-bad idea", "super bad").as_deref(), Some("super-bad"));
        assert_eq!(found("super-bad idea", "bad").as_deref(), Some("super-bad"));
        assert_eq!(found("xax", "a").as_deref(), Some("a"));
        assert_eq!(found("x😀x", "😀"), None);
        assert_eq!(found("", "").as_deref(), Some(""));
        assert_eq!(found("a  b", "").as_deref(), Some(""));
    }

    #[test]
    fn languages_without_spaces_are_looked_through() {
        let text = |language| Passage { text: "私はカミを".into(), language, ..Passage::default() };
        assert_eq!(text(Some("ja")).find(&[word("カミ")], 0).len(), 1);
        assert_eq!(text(Some("en")).find(&[word("カミ")], 0).len(), 0);
    }

    #[test]
    fn tags_time_and_followed_accounts() {
        let mut tagged = MutedWord::new("Cats".into(), vec![MutedWordTarget::Tag]);
        let passage =
            Passage { text: "cats".into(), tags: vec!["cATS"], is_by_followed: true, ..Passage::default() };
        assert_eq!(passage.find(&[tagged.clone()], 0)[0].found, "Cats");
        assert!(Passage { tags: vec![], ..passage.clone() }.find(&[tagged.clone()], 0).is_empty());
        tagged.expires_at = Some("1970-01-01T00:00:01Z".parse().unwrap());
        assert_eq!(passage.find(&[tagged.clone()], 1_000_000).len(), 1);
        assert_eq!(passage.find(&[tagged.clone()], 1_000_001).len(), 0);
        tagged.actor_target = Some(MutedWordActorTarget::ExcludeFollowing);
        assert_eq!(passage.find(&[tagged.clone()], 0).len(), 0);
        assert_eq!(Passage { is_by_followed: false, ..passage }.find(&[tagged], 0).len(), 1);
    }
}
