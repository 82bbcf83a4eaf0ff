//! Who is signed in to our own pages. The browser holds a random id and nothing else; the database holds its digest, so that
//! whoever reads the table can be nobody by it. No node keeps anything of a session.

use super::{Party, Purpose, Requester, Scopes};
use crate::domain::{StoreError, Timestamp};
use async_trait::async_trait;
use aws_lc_rs::{constant_time, digest, hmac, rand};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

/// What the browser holds: 256 random bits. `Debug` shows none of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionId([u8; 32]);

/// Somebody signed in, at this moment.
#[derive(Clone, Debug)]
pub struct PageSession {
    pub id: SessionId,
    pub requester: Requester,
}

/// How long people stay signed in, in seconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionConfig {
    /// Without asking for anything.
    pub idle_seconds: u64,
    /// However much they ask for.
    pub session_seconds: u64,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self { idle_seconds: 900, session_seconds: MOST_SECONDS }
    }
}

/// Eight hours: a working day.
const MOST_SECONDS: u64 = 28_800;

impl SessionConfig {
    /// Each setting that cannot be, and why.
    pub fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let whole = (1..=MOST_SECONDS).contains(&self.session_seconds);
        let idle = (1..=self.session_seconds).contains(&self.idle_seconds);
        let found = [
            (whole, "session_seconds", "1 to 28800: eight hours at most"),
            (idle, "idle_seconds", "at least 1, and no longer than session_seconds"),
        ];
        found.into_iter().filter(|(good, ..)| !good).map(|(_, setting, what)| (setting, what)).collect()
    }
}

/// Sessions, for all nodes and across restarts; and the tickets of sign-ins that were used.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Commits that the ticket of this digest was used; `Conflict` if it had been before. It is kept until then.
    async fn spend_ticket(&self, digest: &[u8; 32], until: Timestamp) -> Result<(), StoreError>;
    /// Commits a session of whoever this text says.
    async fn begin(&self, digest: &[u8; 32], whose: &str, now: Timestamp, ends: Timestamp) -> Result<(), StoreError>;
    /// Whose the session is, if it has neither ended nor been left alone since then. It is in use now: that is written where
    /// it was last before `noted`.
    async fn in_use(&self, digest: &[u8; 32], when: &InUse) -> Result<Option<String>, StoreError>;
    /// Ends it. That there was none is no fault.
    async fn end(&self, digest: &[u8; 32]) -> Result<(), StoreError>;
    /// Forgets what ended, or was last used, before this, and tickets kept until before it.
    async fn forget(&self, ended: Timestamp, left_alone: Timestamp) -> Result<(), StoreError>;
}

/// The moments by which a session is judged.
#[derive(Clone, Copy, Debug)]
pub struct InUse {
    pub now: Timestamp,
    /// Used since then, it is not left alone.
    pub since: Timestamp,
    pub noted: Timestamp,
}

/// Sessions, as long as they may be.
pub struct Sessions {
    store: Arc<dyn SessionStore>,
    idle: Duration,
    longest: Duration,
}

/// Use is noted this many times within the time that a session may be left alone: not at every request.
const NOTES: u32 = 15;

impl Sessions {
    pub fn new(store: Arc<dyn SessionStore>, config: &SessionConfig) -> Self {
        let (idle, longest) = (Duration::from_secs(config.idle_seconds), Duration::from_secs(config.session_seconds));
        Self { store, idle, longest }
    }

    /// Until when somebody who signs in now stays signed in at most.
    pub fn ends(&self, now: Timestamp) -> Timestamp {
        now.plus(self.longest)
    }

    /// A session that was not there before, under an id that nobody could have chosen.
    pub async fn begin(&self, requester: &Requester, now: Timestamp) -> Result<SessionId, StoreError> {
        let mut secret = [0; 32];
        rand::fill(&mut secret).map_err(|_| StoreError::Unavailable)?;
        let whose = serde_json::to_string(&Kept::of(requester)).map_err(|_| StoreError::Corrupt)?;
        let id = SessionId(secret);
        self.store.begin(&id.digest(), &whose, now, requester.expires).await?;
        Ok(id)
    }

    pub async fn find(&self, id: SessionId, now: Timestamp) -> Result<Option<PageSession>, StoreError> {
        let when = InUse { now, since: now.minus(self.idle), noted: now.minus(self.idle / NOTES) };
        let Some(whose) = self.store.in_use(&id.digest(), &when).await? else { return Ok(None) };
        let kept: Kept = serde_json::from_str(&whose).map_err(|_| StoreError::Corrupt)?;
        Ok(Some(PageSession { id, requester: kept.requester() }).filter(|found| found.requester.expires > now))
    }

    pub async fn end(&self, id: SessionId) -> Result<(), StoreError> {
        self.store.end(&id.digest()).await
    }

    async fn prune(&self, now: Timestamp) {
        let before = now.minus(KEPT_LONGER);
        if self.store.forget(before, before.minus(self.idle)).await.is_err() {
            tracing::warn!("sessions that are over could not be pruned: they are kept longer");
        }
    }
}

/// Clocks of nodes may differ: one is forgotten long after the last of them would take it.
const KEPT_LONGER: Duration = Duration::from_secs(600);

/// Forgets now and then what is over anyway, as long as anyone holds this.
pub async fn keep_pruning_sessions(held: Weak<Sessions>) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let Some(sessions) = held.upgrade() else { return };
        sessions.prune(Timestamp::now()).await;
    }
}

impl SessionId {
    /// One that somebody holds: 43 characters, in one spelling.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 43 {
            return None;
        }
        BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    /// For the cookie, and for nothing else.
    pub fn cookie(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }

    /// What every form of this session holds, and nobody can know who cannot read its pages. It is worked out from the id, so
    /// that no table holds it, and tells nothing of it.
    pub fn form_token(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        BASE64URL_NOPAD.encode(hmac::sign(&key, b"caregate form").as_ref())
    }

    /// In a time that tells nothing of where it differs.
    pub fn is_form_token(&self, text: &str) -> bool {
        constant_time::verify_slices_are_equal(self.form_token().as_bytes(), text.as_bytes()).is_ok()
    }

    fn digest(&self) -> [u8; 32] {
        digest::digest(&digest::SHA256, &self.0).as_ref().first_chunk().copied().unwrap_or_default()
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId")
    }
}

/// A requester as the table keeps one. A node of the version before and one of the next may read each other's.
#[derive(Serialize, Deserialize)]
struct Kept {
    issuer: String,
    subject: String,
    party: Party,
    given_by: String,
    client: String,
    id: String,
    scopes: String,
    purpose: Purpose,
    acting: Option<String>,
    expires: Timestamp,
}

impl Kept {
    fn of(requester: &Requester) -> Self {
        // all of it: a member more must be kept too
        let Requester { issuer, subject, party, given_by, client_id, token_id, scopes, purpose, acting, expires } =
            requester.clone();
        let scopes = scopes.to_string();
        Self { issuer, subject, party, given_by, client: client_id, id: token_id, scopes, purpose, acting, expires }
    }

    fn requester(self) -> Requester {
        let Self { issuer, subject, party, given_by, client, id, scopes, purpose, acting, expires } = self;
        let scopes = Scopes::parse(&scopes);
        Requester {
            issuer,
            subject,
            party,
            given_by,
            client_id: client,
            token_id: id,
            scopes,
            purpose,
            acting,
            expires,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::OdsCode;

    fn requester() -> Requester {
        Requester {
            issuer: "https://identity.example".into(),
            subject: "someone".into(),
            party: Party::Staff {
                user: "555036632103".into(),
                name: Some("Testing <Alder>".into()),
                role: Some("R8015".into()),
                role_name: Some("Systems Support".into()),
                activities: vec!["B0380".into()],
                organisation: OdsCode::parse("RZ901").unwrap(),
            },
            given_by: "https://identity.example".into(),
            client_id: "pages".into(),
            token_id: "token".into(),
            scopes: Scopes::parse("user/*.cruds"),
            purpose: Purpose("TREAT".into()),
            acting: Some("proxy".into()),
            expires: Timestamp(1_700_000_000_000_000),
        }
    }

    #[test]
    fn whoever_is_kept_comes_back_as_the_very_same() {
        let text = serde_json::to_string(&Kept::of(&requester())).unwrap();
        let (before, after) = (requester(), serde_json::from_str::<Kept>(&text).unwrap().requester());
        assert_eq!(serde_json::to_string(&Kept::of(&after)).unwrap(), text);
        assert!(after.party == before.party && after.scopes == before.scopes && after.expires == before.expires);
    }

    #[test]
    fn an_id_has_one_spelling_and_shows_nowhere() {
        let id = SessionId([7; 32]);
        assert_eq!(SessionId::parse(&id.cookie()), Some(id));
        let text = id.cookie();
        for other in [&text[1..], &format!("{text}A"), &format!("{text}="), "", &text.replace('B', "+")] {
            assert_eq!(SessionId::parse(other), None, "{other}");
        }
        // the unused bits of the last character are zero
        assert_eq!(SessionId::parse(&format!("{}d", &text[..42])), None);
        assert_eq!(format!("{id:?}"), "SessionId");
    }

    #[test]
    fn a_forms_token_is_its_own_sessions_alone() {
        let (one, other) = (SessionId([7; 32]), SessionId([8; 32]));
        assert!(one.is_form_token(&one.form_token()));
        for wrong in [other.form_token(), one.cookie(), String::new(), one.form_token().to_lowercase()] {
            assert!(!one.is_form_token(&wrong), "{wrong}");
        }
    }

    #[test]
    fn nobody_stays_signed_in_for_longer_than_a_working_day_or_for_no_time() {
        let faults = |idle_seconds, session_seconds| SessionConfig { idle_seconds, session_seconds }.faults().len();
        assert_eq!(SessionConfig::default().faults(), []);
        assert_eq!((faults(0, 10), faults(11, 10), faults(10, 10)), (1, 1, 0));
        assert_eq!((faults(10, 28_801), faults(1, 0)), (1, 2));
    }
}
