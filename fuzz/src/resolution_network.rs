//! A network that says the same each time that it is asked the same.

use crate::resolution_oracle::{self, Said, To, World};
use arbitrary::{Result, Unstructured};
use atproto_identity::FetchPolicy;
use atproto_lexicon::http::{Bytes, HttpError, HttpErrorKind, Response};
use std::collections::HashMap;

pub(crate) const DIDS: [&str; 6] = [
    "did:plc:ewvi7nxzyoun6zhxrhs64oiz",
    "did:web:a.example.com",
    "did:web:localhost",
    "did:key:z6Mk",
    "did:plc:ewvi7nxzyoun6zhxrhs64oi1",
    "did:web:b.example.com",
];
/// The last one is too long to be asked for in DNS.
pub(crate) const HANDLES: [&str; 5] = [
    "a.example.com",
    "b.example.com",
    "a.test",
    "handle.invalid",
    "a2345678901234567890123456789012345678901234567890123456789.b2345678901234567890123456789012345678901234567890123456789.c2345678901234567890123456789012345678901234567890123456789.d2345678901234567890123456789012345678901234567890123456789.ef.com",
];

/// Each `Location`, and where it leads.
const PLACES: [(&str, resolution_oracle::Result<To>); 19] = [
    ("/x", Ok(To::Path("/x"))),
    ("/x?u=https://c.example.com", Ok(To::Path("/x?u=https://c.example.com"))),
    ("y", Ok(To::Beside("y"))),
    ("?q", Ok(To::Query("?q"))),
    ("", Ok(To::Query(""))),
    ("//b.example.com", Ok(To::Url("https://b.example.com/"))),
    ("https://b.example.com/y#f", Ok(To::Url("https://b.example.com/y"))),
    (
        "https://a.example.com/.well-known/atproto-did",
        Ok(To::Url("https://a.example.com/.well-known/atproto-did")),
    ),
    ("https://b.example.com:8443/", Ok(To::Url("https://b.example.com:8443/"))),
    ("https://8.8.8.8/", Ok(To::Url("https://8.8.8.8/"))),
    ("https://", Err("Malformed(Redirect)")),
    ("http://b.example.com/", Err("Refused")),
    ("https://u@b.example.com/", Err("Refused")),
    ("https://localhost/", Err("Refused")),
    ("https://a.test/", Err("Refused")),
    ("https://10.0.0.1/", Err("Refused")),
    ("https://2130706433/", Err("Refused")),
    ("https://[::1]/", Err("Refused")),
    ("https://[::ffff:169.254.169.254]/", Err("Refused")),
];
const NOWHERE: resolution_oracle::Result<To> = Err("Malformed(Redirect)");

const ERRORS: [(HttpErrorKind, &str); 4] = [
    (HttpErrorKind::Connect, "Unreachable"),
    (HttpErrorKind::TimedOut, "TooSlow"),
    (HttpErrorKind::Broken, "Malformed(Response)"),
    (HttpErrorKind::TooLarge { limit: 1 }, "TooLarge"),
];

/// What is answered is made where it is first asked for.
pub(crate) struct Network<'a, 'b> {
    input: &'a mut Unstructured<'b>,
    policy: FetchPolicy,
    texts: HashMap<String, Option<Vec<Vec<u8>>>>,
    /// The response with its `Location`, or the place of an error among [`ERRORS`].
    responses: HashMap<String, std::result::Result<(Said, Option<String>), usize>>,
    /// Whether the oracle knows where all of it leads.
    pub(crate) is_known: bool,
}

impl<'a, 'b> Network<'a, 'b> {
    pub(crate) fn new(input: &'a mut Unstructured<'b>, policy: FetchPolicy) -> Self {
        Self { input, policy, texts: HashMap::new(), responses: HashMap::new(), is_known: true }
    }

    /// The response as a client gives it.
    pub(crate) fn http(&mut self, url: &str) -> std::result::Result<Response<Bytes>, HttpError> {
        let (said, location) = self.at(url).map_err(|error| ERRORS[error].0)?;
        let mut response = Response::builder().status(said.status).body(said.body.into()).unwrap();
        if let Some(value) = location.and_then(|location| location.parse().ok()) {
            response.headers_mut().insert("location", value);
        }
        Ok(response)
    }

    fn at(&mut self, url: &str) -> std::result::Result<(Said, Option<String>), usize> {
        if let Some(known) = self.responses.get(url) {
            return known.clone();
        }
        // Too little data is nobody who answers.
        let made = self.respond().unwrap_or(Err(0));
        self.responses.insert(url.to_owned(), made.clone());
        made
    }

    fn respond(&mut self) -> Result<std::result::Result<(Said, Option<String>), usize>> {
        let is = |status, body: &str| Said { status, leads_to: NOWHERE, body: body.into() };
        let (did, handle) = (*self.input.choose(&DIDS)?, *self.input.choose(&HANDLES)?);
        let kind = self.input.int_in_range(0..=9)?;
        let said = match kind {
            0 => return Ok(Err(self.input.choose_index(ERRORS.len())?)),
            1 => is(*self.input.choose(&[404, 410, 429, 500, 204, 304, 100, 400, 302])?, ""),
            2 | 3 => {
                let status = *self.input.choose(&[302, 301, 303, 307, 308])?;
                let (place, leads_to) = self.place()?;
                return Ok(Ok((Said { status, leads_to, body: Vec::new() }, Some(place))));
            }
            4 | 5 => is(200, did),
            6 => is(200, self.input.arbitrary()?),
            7 => is(200, &format!(r#"{{"id":"{did}","alsoKnownAs":["x","at://","at://A.Example.com"]}}"#)),
            _ => is(200, &format!(r#"{{"id":"{did}","alsoKnownAs":["at://{handle}"]}}"#)),
        };
        Ok(Ok((self.padded(said, kind)?, None)))
    }

    fn place(&mut self) -> Result<(String, resolution_oracle::Result<To>)> {
        if self.input.ratio(1, 8)? {
            self.is_known = false;
            return Ok((self.input.arbitrary::<&str>()?.to_owned(), NOWHERE));
        }
        let (place, leads_to) = *self.input.choose(&PLACES)?;
        Ok((place.to_owned(), leads_to))
    }

    /// With white space after it, up to a limit or one byte beyond it.
    fn padded(&mut self, mut said: Said, kind: u8) -> Result<Said> {
        if kind >= 4 && self.input.ratio(1, 4)? {
            let limit = *self.input.choose(&[self.policy.max_body.min(4096), 2048])?;
            let len = limit + usize::from(self.input.arbitrary::<bool>()?);
            said.body.resize(len.max(said.body.len()), b' ');
        }
        Ok(said)
    }

    fn records(&mut self) -> Result<Option<Vec<Vec<u8>>>> {
        if self.input.ratio(1, 8)? {
            return Ok(None);
        }
        let mut records = Vec::new();
        for _ in 0..self.input.int_in_range(0..=3)? {
            let (prefix, did) =
                (*self.input.choose(&["did=", "did=", "did=", "DID=", ""])?, *self.input.choose(&DIDS)?);
            let value = if self.input.ratio(1, 8)? { self.input.arbitrary::<&str>()? } else { did };
            records.push(format!("{prefix}{value}").into_bytes());
        }
        Ok(Some(records))
    }
}

impl World for Network<'_, '_> {
    fn max_body(&self) -> usize {
        self.policy.max_body
    }

    fn max_redirects(&self) -> u8 {
        self.policy.max_redirects
    }

    fn texts(&mut self, name: &str) -> Option<Vec<Vec<u8>>> {
        if let Some(known) = self.texts.get(name) {
            return known.clone();
        }
        let made = self.records().unwrap_or(None);
        self.texts.insert(name.to_owned(), made.clone());
        made
    }

    fn response(&mut self, url: &str) -> resolution_oracle::Result<Said> {
        self.at(url).map(|(said, _)| said).map_err(|error| ERRORS[error].1)
    }
}
