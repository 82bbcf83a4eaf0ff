//! What a next link carries: where to go on, and everything under which going on is right, sealed so that nobody can read,
//! make or change it. The paging itself keeps nothing on the server. A token is bound to one reader and one query; epochs and
//! the sources' answers are for the caller to compare, for only they know what stands now.

use crate::domain::{Epochs, OdsCode, Timestamp};
use aes_siv::{KeyInit, siv::Aes128Siv};
use aws_lc_rs::{digest, hmac, rand};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::time::Duration;

const PURPOSE: &[u8] = b"caregate page 1";
const NONCE: usize = 16;
/// How far another node's clock may be ahead of ours.
const SKEW: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageToken<C = Cursor> {
    #[serde(rename = "c")]
    pub cursor: C,
    #[serde(rename = "r")]
    pub reader: Fingerprint,
    #[serde(rename = "q")]
    pub query: Fingerprint,
    #[serde(rename = "e")]
    pub epochs: Epochs,
    /// What every source had answered when the page was made: outcome and manifest.
    #[serde(rename = "s")]
    pub sources: Fingerprint,
    #[serde(rename = "t")]
    pub issued_at: Timestamp,
}

/// The last entry shown: the next page begins after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// `None` for entries without the date sorted by, which come last.
    #[serde(rename = "k")]
    pub key: Option<i64>,
    #[serde(rename = "o")]
    pub source: OdsCode,
    /// The source's own id of it.
    #[serde(rename = "l")]
    pub local: String,
}

/// 128 bits of SHA-256: enough to tell one from another inside a token that nobody else can make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of several texts in order; each is written with its length, so that no two lists run together.
    pub fn of(parts: &[&str]) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in parts {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(BASE64URL_NOPAD.encode(hash.finish().as_ref().get(..16).unwrap_or_default()))
    }
}

/// Forged, cut, too old, or another's: the client is told 410 and starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the page is gone: start the search again")]
pub struct Gone;

/// Seals and opens page tokens. One key a region, shared by its nodes.
pub struct PageSealer {
    key: aes_siv::Key<Aes128Siv>,
    lifetime: Duration,
}

impl PageSealer {
    pub const LIFETIME: Duration = Duration::from_secs(30 * 60);

    /// `secret` is 32 bytes or more of key material.
    pub fn new(secret: &[u8], lifetime: Duration) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"caregate page siv");
        let mut key = aes_siv::Key::<Aes128Siv>::default();
        key.copy_from_slice(derived.as_ref());
        Self { key, lifetime }
    }

    /// The token's text, fit for a URL. No two are alike, so that it does not show whether two pages are the same.
    pub fn seal<C: Serialize>(&self, token: &PageToken<C>) -> Result<String, Gone> {
        let plain = serde_json::to_vec(token).map_err(|_| Gone)?;
        let mut sealed = [0; NONCE].to_vec();
        rand::fill(&mut sealed).map_err(|_| Gone)?;
        let text = Aes128Siv::new(&self.key).encrypt([PURPOSE, &sealed], &plain).map_err(|_| Gone)?;
        sealed.extend_from_slice(&text);
        Ok(BASE64URL_NOPAD.encode(&sealed))
    }

    /// Opens what this key sealed, not too long ago, for this reader and this query.
    pub fn open<C: DeserializeOwned>(
        &self,
        text: &str,
        reader: &Fingerprint,
        query: &Fingerprint,
        now: Timestamp,
    ) -> Result<PageToken<C>, Gone> {
        let sealed = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| Gone)?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or(Gone)?;
        let plain = Aes128Siv::new(&self.key).decrypt([PURPOSE, nonce], sealed).map_err(|_| Gone)?;
        let token: PageToken<C> = serde_json::from_slice(&plain).map_err(|_| Gone)?;
        let fresh = now.minus(self.lifetime) <= token.issued_at && token.issued_at <= now.plus(SKEW);
        if fresh && token.reader == *reader && token.query == *query { Ok(token) } else { Err(Gone) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000_000);

    fn open(text: &str, reader: &Fingerprint, query: &Fingerprint, now: Timestamp) -> Result<PageToken, Gone> {
        sealer().open(text, reader, query, now)
    }

    fn sealer() -> PageSealer {
        PageSealer::new(&[7; 32], PageSealer::LIFETIME)
    }

    fn reader() -> Fingerprint {
        Fingerprint::of(&["https://issuer.example", "user-1"])
    }

    fn query() -> Fingerprint {
        Fingerprint::of(&["Observation?patient=x"])
    }

    fn token() -> PageToken {
        let source = OdsCode::parse("RZ901").unwrap();
        PageToken {
            cursor: Cursor { key: Some(-5), source, local: "obs-1".into() },
            reader: reader(),
            query: query(),
            epochs: Epochs { patient: 3, global: 9 },
            sources: Fingerprint::of(&["RZ901", "answered", "manifest"]),
            issued_at: NOW,
        }
    }

    #[test]
    fn a_token_opens_for_its_reader_its_query_and_its_time_alone() {
        let text = sealer().seal(&token()).unwrap();
        let minutes = |m: u64| NOW.plus(Duration::from_secs(m * 60));
        assert_eq!(open(&text, &reader(), &query(), minutes(30)), Ok(token()));
        assert_eq!(open(&text, &reader(), &query(), minutes(31)), Err(Gone));
        assert_eq!(open(&text, &reader(), &query(), NOW.minus(Duration::from_secs(61))), Err(Gone));
        let other = Fingerprint::of(&["https://issuer.example", "user-2"]);
        assert_eq!(open(&text, &other, &query(), NOW), Err(Gone));
        assert_eq!(open(&text, &reader(), &Fingerprint::of(&["Observation?patient=y"]), NOW), Err(Gone));
        assert_eq!(
            PageSealer::new(&[8; 32], PageSealer::LIFETIME).open::<Cursor>(&text, &reader(), &query(), NOW),
            Err(Gone)
        );
        assert_ne!(text, sealer().seal(&token()).unwrap());
        assert!(text.len() < 600, "{}", text.len());
    }

    #[test]
    fn parts_do_not_run_together_in_a_fingerprint() {
        assert_ne!(Fingerprint::of(&["ab", "c"]), Fingerprint::of(&["a", "bc"]));
        assert_ne!(Fingerprint::of(&["ab"]), Fingerprint::of(&["ab", ""]));
    }

    proptest! {
        #[test]
        fn a_token_changed_or_cut_anywhere_is_gone(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_=-]", cut: bool) {
            let text = sealer().seal(&token()).unwrap();
            let at = at.index(text.len());
            let mut forged = text.clone();
            if cut { forged.truncate(at) } else { forged.replace_range(at..=at, &to) }
            prop_assume!(forged != text);
            prop_assert_eq!(open(&forged, &reader(), &query(), NOW), Err(Gone));
        }

        #[test]
        fn garbage_is_gone(text in "\\PC{0,200}") {
            prop_assert_eq!(open(&text, &reader(), &query(), NOW), Err(Gone));
        }
    }
}
