//! A compact JWS (RFC 7515 §7.1) read strictly, before any cryptography: what is odd is refused while it is still only
//! bytes. Nothing here is trusted; the issuer it names only chooses whose key and rules to judge it by.

use super::claims::Claims;
use super::jwk::{Key, is_key_id};
use super::{Algorithm, IssuerConfig, Reason, strict_json};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

pub(super) const LENGTH_MAX: usize = 16 * 1024;

/// A token nobody has vouched for yet.
pub(super) struct Unverified<'a> {
    algorithm: Algorithm,
    key_id: String,
    typ: String,
    claims: Claims,
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Unverified<'a> {
    pub fn read(token: &'a str) -> Result<Self, Reason> {
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
        let claims = Claims::new(strict_json::object(&decode(payload)?)?);
        // RFC 7515 lets unknown members be ignored, but jku, jwk, x5u, crit, b64, zip... each changed what a token
        // means to somebody once; an access token needs these three
        if header.keys().any(|name| !["alg", "typ", "kid"].contains(&name.as_str())) {
            return Err(Reason::Header);
        }
        let algorithm = text(&header, "alg").and_then(Algorithm::parse).ok_or(Reason::Algorithm)?;
        let key_id = text(&header, "kid").filter(|kid| is_key_id(kid)).ok_or(Reason::KeyId)?.to_owned();
        let typ = text(&header, "typ").ok_or(Reason::TokenType)?.to_owned();
        Ok(Self { algorithm, key_id, typ, claims, signed, signature })
    }

    /// Who it says issued it.
    pub fn issuer(&self) -> Result<&str, Reason> {
        self.claims.text("iss")
    }

    pub fn key_id(&self) -> &str {
        &self.key_id
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

fn decode(part: &str) -> Result<Vec<u8>, Reason> {
    BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| Reason::Malformed)
}

fn text<'a>(header: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    header.get(name).and_then(Value::as_str)
}
