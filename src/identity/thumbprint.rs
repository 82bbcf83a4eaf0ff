use aws_lc_rs::digest;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use serde::Deserialize;
use std::fmt;

/// A client certificate, by the SHA-256 of its DER: what a token can be bound to.
/// <https://www.rfc-editor.org/rfc/rfc8705#section-3.1>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Thumbprint([u8; 32]);

/// More than any certificate needs.
const HEADER_MAX: usize = 16 * 1024;

impl Thumbprint {
    pub fn of(der: &[u8]) -> Self {
        let whole = digest::digest(&digest::SHA256, der);
        Self(whole.as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// As `x5t#S256` writes it: base64url.
    pub fn parse(text: &str) -> Option<Self> {
        BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    /// Of the certificate in a `Client-Cert` header. <https://www.rfc-editor.org/rfc/rfc9440#section-2.2>
    pub fn of_header(value: &str) -> Option<Self> {
        let encoded = value.strip_prefix(':')?.strip_suffix(':').filter(|text| text.len() <= HEADER_MAX)?;
        let der = BASE64.decode(encoded.as_bytes()).ok()?;
        // a SEQUENCE, as every certificate is
        der.starts_with(&[0x30]).then(|| Self::of(&der))
    }
}

impl TryFrom<String> for Thumbprint {
    type Error = &'static str;

    /// As `openssl x509 -fingerprint -sha256` prints it, colons or none; or in base64url.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let hex = HEXLOWER_PERMISSIVE.decode(text.replace(':', "").as_bytes()).ok();
        let hex = hex.and_then(|bytes| bytes.try_into().ok().map(Self));
        hex.or_else(|| Self::parse(&text)).ok_or("the SHA-256 of a certificate, in hexadecimal or base64url")
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_certificate_has_one_thumbprint_however_it_is_written() {
        let der = [0x30, 1, 2, 3];
        let thumbprint = Thumbprint::of(&der);
        let header = format!(":{}:", BASE64.encode(&der));
        assert_eq!(Thumbprint::of_header(&header), Some(thumbprint));
        assert_eq!(Thumbprint::parse(&thumbprint.to_string()), Some(thumbprint));
        let hex = HEXLOWER_PERMISSIVE.encode(&thumbprint.0).to_uppercase();
        let pairs: Vec<&str> = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
        for written in [hex.clone(), pairs.join(":"), thumbprint.to_string()] {
            assert_eq!(Thumbprint::try_from(written), Ok(thumbprint));
        }
        assert!(Thumbprint::try_from("ab".to_owned()).is_err());
    }

    #[test]
    fn what_is_no_certificate_in_a_header_is_none() {
        for bad in ["", ":", "::", "MAEC", ":MAEC", ":MA EC:", ":AAEC:", ":MAEC:, :MAEC:", ":MAE_:"] {
            assert_eq!(Thumbprint::of_header(bad), None, "{bad}");
        }
    }
}
