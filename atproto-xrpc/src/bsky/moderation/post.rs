//! Posts, what they quote, and where words stand in both.

use super::decision::{CauseKind, Decision, Source};
use super::muted_words::{MutedWordMatch, Passage};
use super::subject::Actor;
use super::{Moderator, content};
use crate::api::app::bsky::embed::record::{ViewRecord, ViewRecord2 as Quoted};
use crate::api::app::bsky::embed::record_with_media::ViewMedia;
use crate::api::app::bsky::feed::defs::{PostView, PostViewEmbed};
use atproto_lexicon::typed::{Object, Value};
use std::borrow::Cow;

impl Moderator {
    /// A post, at a time in microseconds since 1970, by which muted words expire.
    pub fn post<'a>(&'a self, post: &'a PostView, now: u64) -> Decision<'a> {
        let author = Actor::from(&post.author);
        let mut decision = content(self, author.did.as_str(), post.labels.as_deref());
        if self.is_hidden(post) {
            decision.push(CauseKind::Hidden, Source::User);
        }
        if !decision.is_me {
            let found = self.find_muted_words(post, now);
            if !found.is_empty() {
                decision.push(CauseKind::MutedWord(found), Source::User);
            }
        }
        let quoted = match quoted(post) {
            Some(Quoted::ViewRecord(quoted)) => {
                let author = Actor::from(&quoted.author);
                let decision = content(self, author.did.as_str(), quoted.labels.as_deref());
                Some(decision.merge(self.profile(author)))
            }
            Some(Quoted::ViewBlocked(quoted)) => {
                let mut decision = self.decision(quoted.author.did.as_str());
                decision.push_viewer(quoted.author.viewer.as_ref());
                Some(decision)
            }
            _ => None,
        };
        if let Some(quoted) = quoted {
            decision = decision.merge(quoted.downgrade());
        }
        decision.merge(self.profile(author))
    }

    /// Whether the user has hidden the post, or what it quotes.
    fn is_hidden(&self, post: &PostView) -> bool {
        let hidden = &self.preferences.hidden_posts;
        hidden.contains(&post.uri) || quoted_record(post).is_some_and(|quoted| hidden.contains(&quoted.uri))
    }

    /// The muted words in the first part of the post that has any.
    fn find_muted_words<'a>(&'a self, post: &PostView, now: u64) -> Vec<MutedWordMatch<'a>> {
        let words = &self.preferences.muted_words;
        if words.is_empty() {
            return Vec::new();
        }
        passages(post)
            .iter()
            .map(|passage| passage.find(words, now))
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }
}

fn quoted(post: &PostView) -> Option<&Quoted> {
    match post.embed.as_ref()? {
        PostViewEmbed::RecordView(view) => Some(&view.record),
        PostViewEmbed::RecordWithMediaView(view) => Some(&view.record.record),
        _ => None,
    }
}

fn quoted_record(post: &PostView) -> Option<&ViewRecord> {
    match quoted(post)? {
        Quoted::ViewRecord(quoted) => Some(quoted),
        _ => None,
    }
}

/// All texts of a post in which words are looked for, in the order in which the reference does; whose they are, and which
/// languages count for them, is as it is there.
fn passages(post: &PostView) -> Vec<Passage<'_>> {
    let is_by_followed = Actor::from(&post.author).is_followed();
    let mut passages = Vec::new();
    let record = PostRecord::new(&post.record, is_by_followed);
    if let Some(record) = &record {
        passages.push(record.text());
        passages.extend(record.images(record.embed(), record.language()));
    }
    let quoted = quoted_record(post).map(|quoted| (quoted, Actor::from(&quoted.author).is_followed()));
    match (&post.embed, quoted) {
        (Some(PostViewEmbed::RecordView(_)), Some((quoted, is_by_followed))) => {
            if let Some(record) = PostRecord::new(&quoted.value, is_by_followed) {
                passages.push(record.text());
                passages.extend(record.media());
            }
        }
        (Some(PostViewEmbed::RecordWithMediaView(view)), Some((quoted, is_by_followed))) => {
            passages.extend(PostRecord::new(&quoted.value, is_by_followed).map(|record| record.text()));
            match &view.media {
                ViewMedia::ImagesView(media) => {
                    let language = record.as_ref().and_then(PostRecord::language);
                    passages.extend(media.images.iter().map(|image| Passage {
                        text: Cow::Borrowed(&image.alt),
                        tags: Vec::new(),
                        language,
                        is_by_followed,
                    }));
                }
                ViewMedia::ExternalView(media) => {
                    passages.push(card(&media.external.title, &media.external.description, is_by_followed));
                }
                _ => {}
            }
        }
        (Some(PostViewEmbed::ExternalView(view)), _) => {
            passages.push(card(&view.external.title, &view.external.description, is_by_followed));
        }
        _ => {}
    }
    passages
}

fn card<'a>(title: &str, description: &str, is_by_followed: bool) -> Passage<'a> {
    Passage { text: format!("{title} {description}").into(), is_by_followed, ..Passage::default() }
}

/// A post's record, read field by field: a fault in one of them does not let the words in another one through.
struct PostRecord<'a> {
    fields: &'a Object,
    is_by_followed: bool,
}

impl<'a> PostRecord<'a> {
    fn new(fields: &'a Object, is_by_followed: bool) -> Option<Self> {
        let is_post = fields.get("$type").and_then(Value::as_str) == Some("app.bsky.feed.post");
        is_post.then_some(Self { fields, is_by_followed })
    }

    fn text(&self) -> Passage<'a> {
        let text = self.fields.get("text").and_then(Value::as_str).unwrap_or_default();
        let outline = array(self.fields.get("tags")).iter().filter_map(Value::as_str);
        let facets = array(self.fields.get("facets")).iter();
        let features = facets.flat_map(|facet| array(facet.get("features")));
        let in_text = features
            .filter(|feature| feature.type_name() == Some("app.bsky.richtext.facet#tag"))
            .filter_map(|feature| feature.get("tag")?.as_str());
        Passage {
            text: Cow::Borrowed(text),
            tags: outline.chain(in_text).collect(),
            language: self.language(),
            is_by_followed: self.is_by_followed,
        }
    }

    fn language(&self) -> Option<&'a str> {
        array(self.fields.get("langs")).first()?.as_str()
    }

    fn embed(&self) -> Option<&'a Value> {
        self.fields.get("embed")
    }

    /// The texts in what a quoted post has with it.
    fn media(&self) -> Vec<Passage<'a>> {
        let embed = self.embed();
        let mut passages = self.images(embed, self.language());
        passages.extend(self.external(embed));
        if embed.and_then(Value::type_name) == Some("app.bsky.embed.recordWithMedia") {
            let media = embed.and_then(|embed| embed.get("media"));
            passages.extend(self.external(media));
            passages.extend(self.images(media, None));
        }
        passages
    }

    fn images(&self, embed: Option<&'a Value>, language: Option<&'a str>) -> Vec<Passage<'a>> {
        let Some(embed) = embed.filter(|embed| embed.type_name() == Some("app.bsky.embed.images")) else {
            return Vec::new();
        };
        let alts = array(embed.get("images")).iter().filter_map(|image| image.get("alt")?.as_str());
        let is_by_followed = self.is_by_followed;
        alts.map(|alt| Passage { text: Cow::Borrowed(alt), tags: Vec::new(), language, is_by_followed })
            .collect()
    }

    fn external(&self, embed: Option<&Value>) -> Option<Passage<'a>> {
        let embed = embed.filter(|embed| embed.type_name() == Some("app.bsky.embed.external"))?;
        let external = embed.get("external")?;
        let text = |name| external.get(name).and_then(Value::as_str).unwrap_or_default();
        Some(card(text("title"), text("description"), self.is_by_followed))
    }
}

fn array(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Array(values)) => values,
        _ => &[],
    }
}
