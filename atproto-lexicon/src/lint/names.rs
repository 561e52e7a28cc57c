use std::collections::BTreeSet;

/// Whether a name is in lower camel case, of ASCII letters and digits.
pub(super) fn is_lower_camel(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase()) && is_alphanumeric(name)
}

/// Whether a name is in upper camel case, of ASCII letters and digits.
pub(super) fn is_upper_camel(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase()) && is_alphanumeric(name)
}

fn is_alphanumeric(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The indices of what has been there before.
pub(super) fn repetitions<T: Ord>(items: impl IntoIterator<Item = T>) -> impl Iterator<Item = usize> {
    let mut seen = BTreeSet::new();
    items.into_iter().enumerate().filter_map(move |(index, item)| (!seen.insert(item)).then_some(index))
}

/// Whether a text is a media type, or as a pattern `image/*` or `*/*`.
pub(super) fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    match essence.split_once('/') {
        Some(("*", "*")) => true,
        Some((kind, "*")) => is_token(kind),
        Some((kind, name)) => is_token(kind) && is_token(name),
        None => false,
    }
}

/// Whether a media type is one of JSON.
pub(super) fn is_json(encoding: &str) -> bool {
    let essence = encoding.split(';').next().unwrap_or_default().trim_end();
    essence == "application/json" || essence.ends_with("+json")
}
