//! What is in the archives of other networks: only what was public, and answers nobody else.

use super::{Archive, Image, Item};
use serde_json::Value;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use systems::{Done, Stop};

const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";

/// The text at a JSON pointer; empty where there is none.
fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn array<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn read(folder: &Path) -> Done<Archive> {
    type Read = fn(&Path, &Value, &mut Archive) -> Done;
    let (tweets, outbox) = (folder.join("data/tweets.js"), folder.join("outbox.json"));
    let (path, items, read): (_, _, Read) = match (tweets.exists(), outbox.exists()) {
        (true, _) => (tweets, "", tweet),
        (false, true) => (outbox, "/orderedItems", activity),
        _ => return Err(Stop::new(format!("{}: neither data/tweets.js nor outbox.json", folder.display()))),
    };
    let fail = |error: &dyn std::fmt::Display| Stop::new(format!("{}: {error}", path.display()));
    let script = fs::read_to_string(&path).map_err(|error| fail(&error))?;
    // That of X is a script that sets a variable to the JSON.
    let json = script.find(['[', '{']).and_then(|at| script.get(at..)).unwrap_or_default();
    let all: Value = serde_json::from_str(json).map_err(|error| fail(&error))?;
    let names = ["/tweet/id_str", "/object/id"];
    let own = array(&all, items).iter().flat_map(|item| names.map(|name| text(item, name).to_owned()));
    let mut archive = Archive { own: own.collect::<HashSet<_>>(), ..Archive::default() };
    for item in array(&all, items) {
        read(folder, item, &mut archive).map_err(|error| fail(&error))?;
    }
    Ok(archive)
}

/// A tweet of X, whose media are in `data/tweets_media`.
fn tweet(folder: &Path, entry: &Value, archive: &mut Archive) -> Done {
    let (id, mut said) = (text(entry, "/tweet/id_str"), text(entry, "/tweet/full_text").to_owned());
    let reply_to = text(entry, "/tweet/in_reply_to_status_id_str");
    if said.starts_with("RT @") {
        return archive.leave(id, "it repeats somebody else's");
    } else if !reply_to.is_empty() && !archive.own.contains(reply_to) {
        return archive.leave(id, "it answers somebody else");
    }
    for link in array(entry, "/tweet/entities/urls") {
        said = said.replace(text(link, "/url"), text(link, "/expanded_url"));
    }
    let media = match array(entry, "/tweet/extended_entities/media") {
        [] => array(entry, "/tweet/entities/media"),
        media => media,
    };
    let mut images = Vec::new();
    for medium in media {
        said = said.replace(text(medium, "/url"), "");
        let name = text(medium, "/media_url_https").rsplit('/').next().unwrap_or_default();
        let path = folder.join("data/tweets_media").join(format!("{id}-{name}"));
        match text(medium, "/type") {
            "photo" => images.push(Image { path, alt: String::new() }),
            kind => archive.leave(id, &format!("its {kind} is not copied"))?,
        }
    }
    let created =
        chrono::DateTime::parse_from_str(text(entry, "/tweet/created_at"), "%a %b %d %H:%M:%S %z %Y")?;
    let created = created.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    archive.add(Item {
        id: id.to_owned(),
        text: decode(&said),
        created: created.parse()?,
        reply_to: reply_to.to_owned(),
        images,
    })
}

/// An activity of Mastodon, whose media are beside the file.
fn activity(folder: &Path, activity: &Value, archive: &mut Archive) -> Done {
    if text(activity, "/type") != "Create" {
        return archive.leave(text(activity, "/object"), "it repeats somebody else's");
    }
    let note = activity.get("object").unwrap_or(activity);
    let (id, reply_to) = (text(note, "/id"), text(note, "/inReplyTo"));
    // What was not for everybody must not become so here.
    if !["/to", "/cc"].iter().any(|to| array(note, to).iter().any(|to| to == PUBLIC)) {
        return archive.leave(id, "it was not public");
    } else if text(note, "/type") != "Note" {
        return archive.leave(id, "it is no post");
    } else if !reply_to.is_empty() && !archive.own.contains(reply_to) {
        return archive.leave(id, "it answers somebody else");
    }
    let mut images = Vec::new();
    for attached in array(note, "/attachment") {
        // Below the folder, whatever the file says.
        let parts = text(attached, "/url").split('/').filter(|part| !matches!(*part, "" | "." | ".."));
        let path = folder.join(parts.collect::<PathBuf>());
        match text(attached, "/mediaType") {
            kind if kind.starts_with("image/") => {
                images.push(Image { path, alt: text(attached, "/name").to_owned() })
            }
            kind => archive.leave(id, &format!("its {kind} is not copied"))?,
        }
    }
    let (warning, said) = (text(note, "/summary"), plain(text(note, "/content")));
    let said = if warning.is_empty() { said } else { format!("{warning}\n\n{said}") };
    let created = text(note, "/published").parse()?;
    archive.add(Item { id: id.to_owned(), text: said, created, reply_to: reply_to.to_owned(), images })
}

/// The text of the little HTML that a note has.
fn plain(html: &str) -> String {
    let (mut text, mut rest) = (String::new(), html);
    while let Some((before, tag)) = rest.split_once('<') {
        let (tag, after) = tag.split_once('>').unwrap_or((tag, ""));
        text.push_str(before);
        text.push_str(match tag.trim_end_matches(['/', ' ']) {
            "br" => "\n",
            "/p" => "\n\n",
            _ => "",
        });
        rest = after;
    }
    decode(&(text + rest))
}

fn decode(text: &str) -> String {
    html_escape::decode_html_entities(text.trim()).into_owned()
}
