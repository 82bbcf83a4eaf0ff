//! Probes of providers' endpoints.

macro_rules! kept {
    ($rest:literal) => {
        concat!(
            "SELECT id, ods, version, by_issuer, by_subject, by_organisation, began_at, done, total, heard_at, \
             ended_at, verdict FROM probe ",
            $rest
        )
    };
}

pub(in crate::store) const BEGIN: &str = "INSERT INTO probe (id, ods, version, by_issuer, by_subject, by_organisation, \
    began_at, done, total, heard_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, $7)";
pub(in crate::store) const PROGRESS: &str =
    "UPDATE probe SET done = $2, total = $3, heard_at = $4 WHERE id = $1 AND ended_at IS NULL";
pub(in crate::store) const END: &str = "UPDATE probe SET ended_at = $2, heard_at = $2, verdict = $3, report = $4 \
    WHERE id = $1 AND ended_at IS NULL";
pub(in crate::store) const ONE: &str = kept!("WHERE id = $1");
pub(in crate::store) const REPORT: &str = "SELECT report FROM probe WHERE id = $1";
pub(in crate::store) const HISTORY: &str = kept!("WHERE ods = $1 ORDER BY began_at DESC, id DESC LIMIT $2");
pub(in crate::store) const LAST_VERDICT: &str = "SELECT verdict FROM probe WHERE ods = $1 AND version = $2 \
    AND began_at >= $3 AND ended_at IS NOT NULL ORDER BY began_at DESC, id DESC LIMIT 1";
