//! Sessions of our own pages.

pub(in crate::store) const SPEND_TICKET: &str =
    "INSERT INTO sign_in_ticket (digest, until) VALUES ($1, $2) ON CONFLICT DO NOTHING";
pub(in crate::store) const BEGIN_SESSION: &str =
    "INSERT INTO page_session (digest, whose, began, used, ends) VALUES ($1, $2, $3, $3, $4)";
pub(in crate::store) const SESSION: &str =
    "SELECT whose, used FROM page_session WHERE digest = $1 AND ends > $2 AND used > $3";
/// Never back: another node's clock may be ahead.
pub(in crate::store) const NOTE_USE: &str = "UPDATE page_session SET used = CASE WHEN used < $2 THEN $2 ELSE used END \
    WHERE digest = $1 AND ends > $2 AND used > $3";
pub(in crate::store) const END_SESSION: &str = "DELETE FROM page_session WHERE digest = $1";
pub(in crate::store) const FORGET_SESSIONS: &str = "DELETE FROM page_session WHERE ends < $1 OR used < $2";
pub(in crate::store) const FORGET_TICKETS: &str = "DELETE FROM sign_in_ticket WHERE until < $1";
