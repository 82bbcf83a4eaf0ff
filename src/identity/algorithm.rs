use serde::Deserialize;

/// The signature algorithms an issuer may be pinned to. `none` and the HMAC family cannot be written down here, so no
/// configuration can let them in. <https://www.rfc-editor.org/rfc/rfc7518#section-3.1>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Es256,
    Es384,
}

impl Algorithm {
    /// Exactly as registered: `rs256` or `RS256 ` is no algorithm.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "RS384" => Some(Self::Rs384),
            "RS512" => Some(Self::Rs512),
            "ES256" => Some(Self::Es256),
            "ES384" => Some(Self::Es384),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
        }
    }
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Rs256 => Self::RS256,
            Algorithm::Rs384 => Self::RS384,
            Algorithm::Rs512 => Self::RS512,
            Algorithm::Es256 => Self::ES256,
            Algorithm::Es384 => Self::ES384,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_five_names_are_algorithms_in_a_token_and_in_a_configuration() {
        for good in ["RS256", "RS384", "RS512", "ES256", "ES384"] {
            let configured: Algorithm = serde_json::from_value(good.into()).unwrap();
            assert_eq!(Algorithm::parse(good), Some(configured));
        }
        for bad in [
            "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "PS256", "ES512", "EdDSA", "rs256", "RS256 ",
        ] {
            assert_eq!(Algorithm::parse(bad), None, "{bad}");
            assert!(serde_json::from_value::<Algorithm>(bad.into()).is_err(), "{bad}");
        }
    }
}
