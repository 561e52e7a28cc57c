//! The URLs of subscriptions.

use atproto_lexicon::typed::{Endpoint, Object, Value, to_object};
use serde::Serialize;

/// Why there is no URL to connect to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The server is not named by a scheme (`wss`, `https`; for development `ws`, `http`) and a host.
    #[error("not the URL of a server")]
    Server,
    /// The parameters cannot be written in a query.
    #[error("parameters that have no place in a URL")]
    Params,
}

/// The query parameters of an endpoint.
pub(super) fn params_of<E>(endpoint: &E) -> Result<Object, UrlError>
where
    E: Endpoint,
    E::Params: Serialize,
{
    to_object(endpoint.params()).map_err(|_| UrlError::Params)
}

/// The URL of a subscription at a server, with the cursor in place of the one among the parameters.
pub(super) fn url_of(
    server: &str,
    nsid: &str,
    params: &Object,
    cursor: Option<u64>,
) -> Result<String, UrlError> {
    let mut pairs = Vec::new();
    for (name, value) in params.iter().filter(|(name, _)| *name != "cursor" || cursor.is_none()) {
        match value {
            Value::Array(items) => {
                for item in items {
                    pairs.push((name, text_of(item)?));
                }
            }
            value => pairs.push((name, text_of(value)?)),
        }
    }
    pairs.extend(cursor.map(|cursor| ("cursor", cursor.to_string())));
    let query = serde_html_form::to_string(&pairs).map_err(|_| UrlError::Params)?;
    let separator = if query.is_empty() { "" } else { "?" };
    Ok(format!("{}/xrpc/{nsid}{separator}{query}", socket_url(server)?))
}

/// A parameter, as it stands in a query.
fn text_of(value: &Value) -> Result<String, UrlError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Boolean(boolean) => Ok(boolean.to_string()),
        Value::Integer(integer) => Ok(integer.to_string()),
        _ => Err(UrlError::Params),
    }
}

/// A server's URL with the scheme of WebSockets.
pub(super) fn socket_url(server: &str) -> Result<String, UrlError> {
    let (scheme, host) = server.split_once("://").ok_or(UrlError::Server)?;
    let scheme = match scheme {
        "https" | "wss" => "wss",
        "http" | "ws" => "ws",
        _ => return Err(UrlError::Server),
    };
    let host = host.strip_suffix('/').unwrap_or(host);
    let is_host = !host.is_empty() && !host.contains(|c: char| "/?#@\\".contains(c) || c.is_whitespace());
    if is_host { Ok(format!("{scheme}://{host}")) } else { Err(UrlError::Server) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_a_query() {
        let params = Object::from([
            ("cursor".into(), Value::Integer(5)),
            ("flag".into(), Value::Boolean(true)),
            ("names".into(), Value::Array(vec!["a b".into(), "ü&=".into()])),
        ]);
        let url = |cursor| url_of("https://example.com:8080/", "com.example.watch", &params, cursor).unwrap();
        let base = "wss://example.com:8080/xrpc/com.example.watch?";
        let names = "names=a+b&names=%C3%BC%26%3D";
        // In the order of DAG-CBOR, which is by length first.
        assert_eq!(url(None), format!("{base}flag=true&{names}&cursor=5"));
        assert_eq!(url(Some(7)), format!("{base}flag=true&{names}&cursor=7"));
        assert_eq!(
            url_of("ws://localhost", "a.b.c", &Object::new(), None).unwrap(),
            "ws://localhost/xrpc/a.b.c"
        );
        let bad = Object::from([("x".into(), Value::Null)]);
        assert_eq!(url_of("ws://localhost", "a.b.c", &bad, None), Err(UrlError::Params));
        for server in [
            "",
            "example.com",
            "ftp://example.com",
            "https://",
            "https://a/b",
            "https://a?b",
            "https://u@a",
            "https://a b",
        ] {
            assert_eq!(socket_url(server), Err(UrlError::Server), "{server}");
        }
    }
}
