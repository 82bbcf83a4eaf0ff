use crate::domain::Timestamp;
use aws_lc_rs::{digest, hmac, rand};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

/// A sign-in that was begun: what the browser holds while it is away, sealed by a key of ours, so that no node keeps anything.
/// The `state`, `nonce` and PKCE verifier come of one secret in it, each by a name of its own.
#[derive(Serialize, Deserialize)]
pub(super) struct Ticket {
    /// The issuer's name in the configuration.
    pub issuer: String,
    /// Where to go on afterwards: a path of ours.
    pub to: String,
    pub until: Timestamp,
    secret: [u8; 32],
}

impl Ticket {
    /// `None` if the machine has no randomness.
    pub fn new(issuer: &str, to: &str, until: Timestamp) -> Option<Self> {
        let mut secret = [0; 32];
        rand::fill(&mut secret).ok()?;
        Some(Self { issuer: issuer.to_owned(), to: to.to_owned(), until, secret })
    }

    pub fn sealed(&self, key: &hmac::Key) -> Option<String> {
        let said = BASE64URL_NOPAD.encode(&serde_json::to_vec(self).ok()?);
        let seal = BASE64URL_NOPAD.encode(hmac::sign(key, said.as_bytes()).as_ref());
        Some(format!("{said}.{seal}"))
    }

    /// One that we sealed, while it lasts.
    pub fn open(text: &str, key: &hmac::Key, now: Timestamp) -> Option<Self> {
        let (said, seal) = text.split_once('.')?;
        let seal = BASE64URL_NOPAD.decode(seal.as_bytes()).ok()?;
        hmac::verify(key, said.as_bytes(), &seal).ok()?;
        let ticket: Self = serde_json::from_slice(&BASE64URL_NOPAD.decode(said.as_bytes()).ok()?).ok()?;
        Some(ticket).filter(|ticket| now < ticket.until)
    }

    /// What it is remembered by once it was used.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&self.secret)
    }

    pub fn state(&self) -> String {
        self.derived("state")
    }

    pub fn nonce(&self) -> String {
        self.derived("nonce")
    }

    /// <https://www.rfc-editor.org/rfc/rfc7636#section-4.1>
    pub fn verifier(&self) -> String {
        self.derived("verifier")
    }

    /// S256: <https://www.rfc-editor.org/rfc/rfc7636#section-4.2>
    pub fn challenge(&self) -> String {
        BASE64URL_NOPAD.encode(&sha256(self.verifier().as_bytes()))
    }

    fn derived(&self, what: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        BASE64URL_NOPAD.encode(hmac::sign(&key, what.as_bytes()).as_ref())
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, bytes).as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_opens_as_it_was_sealed_with_its_own_key_and_in_time_alone() {
        let key = |byte| hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]);
        let until = Timestamp::from_seconds(1000);
        let ticket = Ticket::new("staff", "/providers", until).unwrap();
        let text = ticket.sealed(&key(1)).unwrap();
        let just = Timestamp(until.0 - 1);
        let opened = Ticket::open(&text, &key(1), just).unwrap();
        assert_eq!((opened.state(), opened.to.as_str()), (ticket.state(), "/providers"));
        assert!(Ticket::open(&text, &key(1), until).is_none(), "late");
        assert!(Ticket::open(&text, &key(2), just).is_none(), "another's key");
        for at in [0, 20, text.len() - 2] {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert!(Ticket::open(std::str::from_utf8(&other).unwrap(), &key(1), just).is_none(), "{at}");
        }
        for odd in ["", ".", "a", "a.b", &text[..text.len() - 1]] {
            assert!(Ticket::open(odd, &key(1), just).is_none(), "{odd}");
        }
    }

    #[test]
    fn what_comes_of_one_secret_tells_nothing_of_the_rest_and_is_another_each_time() {
        let ticket = || Ticket::new("staff", "/", Timestamp::MAX).unwrap();
        let (one, other) = (ticket(), ticket());
        let all = [one.state(), one.nonce(), one.verifier(), one.challenge(), other.state()];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        // RFC 7636 §4.1: 43 to 128 unreserved characters
        assert!(all.iter().all(|text| text.len() == 43));
    }
}
