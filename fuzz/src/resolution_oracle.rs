//! Resolution as it is written down, in one go over answers that are all there: what a DID's document is, where a handle leads,
//! and whether both agree.

use atproto_lexicon::syntax::{Did, Handle};
use serde_json::Value;

/// An error is known by its name.
pub(crate) type Result<T> = std::result::Result<T, &'static str>;

/// What is answered, and within which limits.
pub(crate) trait World {
    /// How many bytes a body has at most.
    fn max_body(&self) -> usize;
    fn max_redirects(&self) -> u8;
    /// The texts for a name in DNS; `None` where it fails.
    fn texts(&mut self, name: &str) -> Option<Vec<Vec<u8>>>;
    /// The response at a URL, or the name of the error by which there is none.
    fn response(&mut self, url: &str) -> Result<Said>;
}

/// A response: its status, and where it leads by the table of who made it, or what is wrong with that.
#[derive(Clone)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) leads_to: Result<To>,
    pub(crate) body: Vec<u8>,
}

/// Where a `Location` leads.
#[derive(Clone, Copy)]
pub(crate) enum To {
    Url(&'static str),
    /// This path at the same host.
    Path(&'static str),
    /// This name beside what was asked for.
    Beside(&'static str),
    /// This query of what was asked for.
    Query(&'static str),
}

/// The DID, and what is known of its handle, or the name of the error.
pub(crate) fn resolve(world: &mut impl World, asked: &str) -> Result<(String, String)> {
    if asked.starts_with("did:") {
        let document = document(world, asked)?;
        let handle = match claimed(&document) {
            None => "none".to_owned(),
            Some(claimed) => match leads_to(world, &claimed) {
                Ok(did) if did == asked => format!("verified {claimed}"),
                Ok(did) => format!("invalid {claimed}: {did}"),
                Err(error) => format!("invalid {claimed}: {error}"),
            },
        };
        return Ok((asked.to_owned(), handle));
    }
    let did = leads_to(world, asked)?;
    let document = document(world, &did)?;
    if claimed(&document).as_deref() != Some(asked) {
        return Err("HandleMismatch");
    }
    Ok((did, format!("verified {asked}")))
}

fn document(world: &mut impl World, did: &str) -> Result<Value> {
    let url = match did.split(':').collect::<Vec<_>>()[..] {
        ["did", "plc", rest]
            if rest.len() == 24 && rest.bytes().all(|b| b"a2b3c4d5e6f7ghijklmnopqrstuvwxyz".contains(&b)) =>
        {
            format!("https://plc.directory/{did}")
        }
        ["did", "plc", ..] => return Err("InvalidDid"),
        ["did", "web", host] if is_public(host) && host == host.to_ascii_lowercase() => {
            format!("https://{host}/.well-known/did.json")
        }
        ["did", "web", ..] => return Err("InvalidDid"),
        _ => return Err("UnsupportedMethod"),
    };
    let max = world.max_body();
    match fetch(world, url, max)? {
        Ok(body) => {
            let document: Value = serde_json::from_slice(&body).map_err(|_| "Malformed(Document)")?;
            let id = document.as_object().and_then(|document| document.get("id")?.as_str());
            let id = id.filter(|id| id.parse::<Did>().is_ok()).ok_or("Malformed(Document)")?;
            if id == did { Ok(document) } else { Err("IdMismatch") }
        }
        Err(404) => Err("NotFound"),
        Err(410) if did.starts_with("did:plc:") => Err("Tombstoned"),
        Err(410) => Err("NotFound"),
        Err(_) => Err("Malformed(Status)"),
    }
}

fn claimed(document: &Value) -> Option<String> {
    let aliases = document.get("alsoKnownAs")?.as_array()?;
    let handles = aliases.iter().filter_map(|alias| alias.as_str()?.strip_prefix("at://"));
    let mut handles = handles.filter(|handle| handle.parse::<Handle>().is_ok());
    handles.next().map(str::to_ascii_lowercase)
}

fn leads_to(world: &mut impl World, handle: &str) -> Result<String> {
    if !is_public(handle) {
        return Err("ReservedHandle");
    }
    let name = format!("_atproto.{handle}");
    let texts = if name.len() > 253 { Some(Vec::new()) } else { world.texts(&name) };
    let mut values: Vec<&[u8]> =
        texts.iter().flatten().filter_map(|text| text.strip_prefix(b"did=")).collect();
    values.sort_unstable();
    values.dedup();
    match values[..] {
        [] => {}
        [value] => return did(value),
        _ => return Err("HandleConflict"),
    }
    let max = world.max_body().min(2048);
    match fetch(world, format!("https://{handle}/.well-known/atproto-did"), max)? {
        Ok(body) => did(body.trim_ascii()),
        Err(_) if texts.is_none() => Err("Unreachable"),
        Err(_) => Err("NotFound"),
    }
}

fn did(text: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.parse::<Did>().is_ok());
    text.map(ToOwned::to_owned).ok_or("Malformed(Did)")
}

/// The body, or a status by which the host says no.
fn fetch(world: &mut impl World, mut url: String, max: usize) -> Result<std::result::Result<Vec<u8>, u16>> {
    for redirects in 0.. {
        let said = world.response(&url)?;
        match said.status {
            200..=299 if said.body.len() > max => return Err("TooLarge"),
            200..=299 => return Ok(Ok(said.body)),
            301 | 302 | 303 | 307 | 308 if redirects == world.max_redirects() => {
                return Err("TooManyRedirects");
            }
            301 | 302 | 303 | 307 | 308 => {}
            408 | 425 | 429 | 500..=599 => return Err("Unreachable"),
            status @ 400..=499 => return Ok(Err(status)),
            _ => return Err("Malformed(Status)"),
        }
        let path = url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at);
        let query = url.find('?').unwrap_or(url.len());
        url = match said.leads_to? {
            To::Url(url) => url.to_owned(),
            To::Path(path_and_query) => format!("{}{path_and_query}", &url[..path]),
            To::Beside(name) => format!("{}{name}", &url[..=url[..query].rfind('/').unwrap()]),
            To::Query(text) => format!("{}{text}", &url[..query]),
        };
    }
    unreachable!()
}

/// Of the names that are asked for here, those below `.test` and of one label, and those never resolved, are not public.
fn is_public(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    host.parse::<Handle>().is_ok()
        && !["alt", "arpa", "example", "internal", "invalid", "local", "localhost", "onion", "test"]
            .contains(&last)
}
