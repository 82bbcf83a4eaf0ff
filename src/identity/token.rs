//! A compact JWS (RFC 7515 §7.1) read strictly, before any cryptography: what is odd is refused while it is still only
//! bytes. Nothing here is trusted; the issuer it names only chooses whose key and rules to judge it by.

use super::claims::Claims;
use super::jwk::{Key, is_key_id};
use super::{Algorithm, IssuerConfig, Reason, strict_json};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

pub(super) const LENGTH_MAX: usize = 16 * 1024;

/// What a token is for: what its header may say beside `alg`, `kid` and `typ`, and which types it may be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Its issuer's configuration says of which types it is.
    Access,
    /// A client's word of who it is (RFC 7523). It may repeat where its keys are (`jku`, SMART), which leads nowhere.
    Assertion,
    /// OpenID Connect's. Some issuers repeat claims in its header (RFC 7519 §5.3): they must be the same.
    Id,
}

/// A token nobody has vouched for yet.
pub(super) struct Unverified<'a> {
    algorithm: Algorithm,
    key_id: String,
    typ: String,
    keys_url: Option<String>,
    claims: Claims,
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Unverified<'a> {
    pub fn read(token: &'a str, sort: Sort) -> Result<Self, Reason> {
        if token.len() > LENGTH_MAX {
            return Err(Reason::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Reason::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Reason::Malformed)?;
        // strict base64url: one spelling for one signature, down to its unused bits
        if decode(signature)?.is_empty() {
            return Err(Reason::Malformed);
        }
        let header = strict_json::object(&decode(header)?)?;
        let claims = strict_json::object(&decode(payload)?)?;
        // RFC 7515 lets unknown members be ignored, but jku, jwk, x5u, crit, b64, zip... each changed what a token
        // means to somebody once; an access token needs these three
        if header.iter().any(|(name, value)| !sort.admits(name, value, &claims)) {
            return Err(Reason::Header);
        }
        let algorithm = text(&header, "alg").and_then(Algorithm::parse).ok_or(Reason::Algorithm)?;
        let key_id = text(&header, "kid").filter(|kid| is_key_id(kid)).ok_or(Reason::KeyId)?.to_owned();
        let typ = match header.get("typ") {
            None if sort != Sort::Access => String::new(),
            typ => typ.and_then(Value::as_str).ok_or(Reason::TokenType)?.to_owned(),
        };
        if !sort.takes_type(&typ) {
            return Err(Reason::TokenType);
        }
        let keys_url = text(&header, "jku").map(str::to_owned);
        Ok(Self { algorithm, key_id, typ, keys_url, claims: Claims::new(claims), signed, signature })
    }

    /// Who it says issued it.
    pub fn issuer(&self) -> Result<&str, Reason> {
        self.claims.text("iss")
    }

    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Where its signer says the keys are.
    pub fn keys_url(&self) -> Option<&str> {
        self.keys_url.as_deref()
    }

    /// What it claims, on nobody's word.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Whether its header is one this issuer may write.
    pub fn fits(&self, issuer: &IssuerConfig) -> Result<(), Reason> {
        if !issuer.algorithms.contains(&self.algorithm) {
            return Err(Reason::Algorithm);
        }
        if !issuer.takes_type(&self.typ) {
            return Err(Reason::TokenType);
        }
        Ok(())
    }

    /// Its claims, now signed.
    pub fn verify(self, key: &Key) -> Result<Claims, Reason> {
        key.verify(self.algorithm, self.signed, self.signature)?;
        Ok(self.claims)
    }
}

impl Sort {
    fn admits(self, name: &str, value: &Value, claims: &Map<String, Value>) -> bool {
        match (self, name) {
            (_, "alg" | "typ" | "kid") => true,
            (Self::Assertion, "jku") => value.is_string(),
            (Self::Id, "iss" | "sub" | "aud" | "exp" | "iat" | "nbf" | "jti") => claims.get(name) == Some(value),
            _ => false,
        }
    }

    /// An empty type is one that is not said.
    fn takes_type(self, typ: &str) -> bool {
        let is = |known: &str| typ.eq_ignore_ascii_case(known);
        match self {
            Self::Access => true,
            Self::Assertion => typ.is_empty() || is("JWT") || is("client-authentication+jwt"),
            Self::Id => typ.is_empty() || is("JWT"),
        }
    }
}

fn decode(part: &str) -> Result<Vec<u8>, Reason> {
    BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| Reason::Malformed)
}

fn text<'a>(header: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    header.get(name).and_then(Value::as_str)
}
