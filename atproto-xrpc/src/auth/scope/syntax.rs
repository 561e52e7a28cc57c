use super::ScopeError;
use crate::auth::percent;
use std::fmt;
use std::str::FromStr;

/// Any scope's text taken apart, whatever it means: `resource:positional?name=value&…`
/// (<https://atproto.com/specs/permission#scope-string-syntax>).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScopeSyntax {
    /// What stands before `:` and `?`.
    pub resource: String,
    /// What stands between `:` and `?`, decoded; `None` where there is no `:`.
    pub positional: Option<String>,
    /// The names and values after `?`, decoded and in order.
    pub params: Vec<(String, String)>,
}

impl ScopeSyntax {
    /// The greatest length of a scope, in bytes.
    pub const MAX_LEN: usize = 8192;

    pub(super) fn new(resource: &str) -> Self {
        Self { resource: resource.to_owned(), positional: None, params: Vec::new() }
    }

    /// With values of a name: where there is one and it may stand in the positional part, it does.
    pub(super) fn with_positional(mut self, name: &str, values: impl IntoIterator<Item = String>) -> Self {
        let mut values = values.into_iter().peekable();
        let first = values.next();
        match (first, values.peek()) {
            (first, None) => self.positional = first,
            (first, Some(_)) => self = self.with(name, first.into_iter().chain(values)),
        }
        self
    }

    pub(super) fn with(mut self, name: &str, values: impl IntoIterator<Item = String>) -> Self {
        self.params.extend(values.into_iter().map(|value| (name.to_owned(), value)));
        self
    }

    /// To be read by name: the positional part is one more value of this name, and then the only one.
    pub(super) fn named(self, positional: &'static str) -> Result<Params, ScopeError> {
        let mut params = self.params;
        if let Some(value) = self.positional {
            if params.iter().any(|(name, _)| name == positional) {
                return Err(ScopeError::Repeated(positional));
            }
            params.push((positional.to_owned(), value));
        }
        Ok(Params(params))
    }
}

impl FromStr for ScopeSyntax {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        // What OAuth allows in a scope (RFC 6749, section 3.3).
        let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if text.len() > Self::MAX_LEN {
            return Err(ScopeError::TooLong);
        }
        if text.is_empty() || !text.bytes().all(is_allowed) {
            return Err(ScopeError::Character);
        }
        let decode = |text| percent::decode(text).ok_or(ScopeError::Encoding);
        let (before, query) = text.split_once('?').unwrap_or((text, ""));
        let (resource, positional) = match before.split_once(':') {
            Some((resource, positional)) => (resource, Some(decode(positional)?)),
            None => (before, None),
        };
        if resource.is_empty() {
            return Err(ScopeError::Character);
        }
        // Unlike in a form, `+` stands for itself: media types have it.
        let params = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        let params = params.collect::<Result<_, ScopeError>>()?;
        Ok(Self { resource: resource.to_owned(), positional, params })
    }
}

impl fmt::Display for ScopeSyntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!*'():/,@".contains(&byte);
        let mut text = self.resource.clone();
        if let Some(positional) = &self.positional {
            text.push(':');
            percent::encode(&mut text, positional, |byte| is_kept(byte) || byte == b'+');
        }
        for (at, (name, value)) in self.params.iter().enumerate() {
            text.push(if at == 0 { '?' } else { '&' });
            // Some read the parameters as a form, where `+` is a space: encoded, it is the same for all.
            percent::encode(&mut text, name, is_kept);
            text.push('=');
            percent::encode(&mut text, value, is_kept);
        }
        f.pad(&text)
    }
}

/// The parameters of a scope, to be taken one by one.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// All values of a name.
    pub(super) fn take(&mut self, wanted: &str) -> Vec<String> {
        let (taken, rest) = std::mem::take(&mut self.0).into_iter().partition(|(name, _)| name == wanted);
        self.0 = rest;
        let taken: Vec<(String, String)> = taken;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// The value of a name that may occur once.
    pub(super) fn take_one(&mut self, wanted: &'static str) -> Result<Option<String>, ScopeError> {
        let mut values = self.take(wanted);
        let value = values.pop();
        if values.is_empty() { Ok(value) } else { Err(ScopeError::Repeated(wanted)) }
    }

    /// All have to be known: one that is not might take away from what the others give.
    pub(super) fn end(self) -> Result<(), ScopeError> {
        if self.0.is_empty() { Ok(()) } else { Err(ScopeError::UnknownParameter) }
    }
}
