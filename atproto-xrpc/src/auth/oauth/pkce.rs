use crate::auth::Secret;
use atproto_lexicon::data::sha256;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

/// What proves that who asks for tokens is who began (RFC 7636, `S256`): the server has its hash before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PkceVerifier(Secret);

impl PkceVerifier {
    /// From random bytes, which nothing else is made from.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(BASE64URL_NOPAD.encode(bytes).into())
    }

    /// Reads what a client sends: 43 to 128 letters, digits and `-._~`.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        ((43..=128).contains(&text.len()) && text.bytes().all(allowed)).then(|| Self(text.into()))
    }

    /// The text, for the request of tokens alone.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What the server is given first.
    pub fn challenge(&self) -> String {
        BASE64URL_NOPAD.encode(&sha256(self.expose().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_met() {
        // RFC 7636, appendix B.
        let bytes = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105,
            214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];
        let verifier = PkceVerifier::from_bytes(&bytes);
        assert_eq!(verifier.expose(), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(PkceVerifier::parse(verifier.expose()), Some(verifier.clone()));
        assert!(!format!("{verifier:?}").contains("dBjf"));
        for text in ["", &"a".repeat(42), &"a".repeat(129), &format!("{}+", "a".repeat(43))] {
            assert_eq!(PkceVerifier::parse(text), None);
        }
    }
}
