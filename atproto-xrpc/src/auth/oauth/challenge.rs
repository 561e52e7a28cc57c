//! The challenges of `WWW-Authenticate` (RFC 9110, section 11.6.1).

use http::header::{HeaderMap, WWW_AUTHENTICATE};

/// The `error` of a response's challenge to prove who holds the token (RFC 9449, section 7.1).
pub(super) fn dpop_error(headers: &HeaderMap) -> Option<String> {
    headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| dpop_error_in(value.to_str().ok()?)).next()
}

fn dpop_error_in(text: &str) -> Option<String> {
    let mut is_dpop = false;
    let mut is_quoted = false;
    // Commas stand between challenges as well as between the parameters of one.
    let parts = text.split(|c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    for part in parts {
        let (before, value) =
            part.split_once('=').map_or((part, None), |(before, value)| (before, Some(value)));
        let mut words = before.split_whitespace();
        let name = match (words.next(), words.next(), value) {
            (Some(scheme), name, _) if name.is_some() || value.is_none() => {
                is_dpop = scheme.eq_ignore_ascii_case("DPoP");
                name
            }
            (name, ..) => name,
        };
        if is_dpop && name.is_some_and(|name| name.eq_ignore_ascii_case("error")) {
            return value.map(|value| value.trim().trim_matches('"').to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_the_right_challenge_counts() {
        let nonce = Some("use_dpop_nonce".to_owned());
        for text in [
            r#"DPoP error="use_dpop_nonce", error_description="a, b=\"c\"""#,
            r#"dpop algs="ES256 ES256K",error=use_dpop_nonce"#,
            r#"Bearer error="invalid_token", DPoP realm="x, y", error="use_dpop_nonce""#,
            r#"Bearer, DPoP error="use_dpop_nonce""#,
        ] {
            assert_eq!(dpop_error_in(text), nonce, "{text}");
        }
        for text in ["", "DPoP", r#"Bearer error="use_dpop_nonce""#, r#"DPoP a="error=use_dpop_nonce""#, ","]
        {
            assert_eq!(dpop_error_in(text), None, "{text}");
        }
        assert_eq!(dpop_error_in(r#"DPoP algs="x", Bearer error="use_dpop_nonce""#), None);
    }
}
