//! The registry's entries and the stages of its endpoints.

/// Of one version, `e`, all that is told.
macro_rules! entry {
    ($rest:literal) => {
        concat!(
            "SELECT e.listed, e.version, e.state, e.content, e.by_issuer, e.by_subject, e.by_organisation, e.by_system, e.at, \
             e.decided_issuer, e.decided_subject, e.decided_organisation, e.decided_at, e.reason \
             FROM directory_entry AS e WHERE ",
            $rest
        )
    };
}

pub(in crate::store) const LATEST: &str = entry!("e.listed = $1 AND e.ods = $2 ORDER BY e.version DESC LIMIT 1");
pub(in crate::store) const IN_FORCE: &str = entry!("e.listed = $1 AND e.ods = $2 AND e.state = 'in-force'");
pub(in crate::store) const VERSIONS: &str = entry!("e.listed = $1 AND e.ods = $2 ORDER BY e.version DESC LIMIT 1000");
pub(in crate::store) const ALL_IN_FORCE: &str = entry!("e.state = 'in-force' ORDER BY e.ods, e.listed");
pub(in crate::store) const LISTING: &str = entry!(
    "e.listed = $1 AND ($2 IS NULL OR e.ods = $2) AND e.ods > $3 \
     AND NOT EXISTS (SELECT 1 FROM directory_entry AS n WHERE n.listed = e.listed AND n.ods = e.ods \
     AND n.version > e.version) ORDER BY e.ods LIMIT $4"
);

/// The newest versions that wait for a decision; a newer one takes an earlier one's place (`PASS_OVER`).
pub(in crate::store) const WAITING: &str = entry!("e.listed = $1 AND e.state = 'proposed' ORDER BY e.ods LIMIT $2");

/// Only on top of the version before, and compared with what is in force still: $11 is its version.
pub(in crate::store) const WRITE: &str = "INSERT INTO directory_entry (listed, ods, version, state, content, by_issuer, by_subject, \
    by_organisation, at, from_epoch, by_system) \
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $10 THEN (SELECT epoch FROM epoch WHERE key = -1) END, $12 \
    WHERE coalesce((SELECT max(version) FROM directory_entry WHERE listed = $1 AND ods = $2), 0) = $3 - 1 \
    AND coalesce((SELECT max(version) FROM directory_entry WHERE listed = $1 AND ods = $2 AND state = 'in-force'), 0) = $11";
/// What nobody decided on, when a newer version comes.
pub(in crate::store) const PASS_OVER: &str = "UPDATE directory_entry SET state = 'replaced' \
    WHERE listed = $1 AND ods = $2 AND version < $3 AND state = 'proposed'";
/// What was in force, when another version is.
pub(in crate::store) const REPLACE: &str = "UPDATE directory_entry SET state = 'replaced', \
    until_epoch = (SELECT epoch FROM epoch WHERE key = -1) \
    WHERE listed = $1 AND ods = $2 AND version <> $3 AND state = 'in-force'";
pub(in crate::store) const DECIDE: &str = "UPDATE directory_entry SET state = $4, decided_issuer = $5, decided_subject = $6, \
    decided_organisation = $7, decided_at = $8, reason = $9, \
    from_epoch = CASE WHEN $10 THEN (SELECT epoch FROM epoch WHERE key = -1) END \
    WHERE listed = $1 AND ods = $2 AND version = $3 AND state = 'proposed' \
    AND NOT EXISTS (SELECT 1 FROM directory_entry AS n WHERE n.listed = $1 AND n.ods = $2 AND n.version > $3)";

/// What a version that comes into force takes the place of, before it is marked so.
pub(in crate::store) const REPLACED_NEXT: &str =
    entry!("e.listed = $1 AND e.ods = $2 AND e.state = 'in-force' AND e.version < $3");
pub(in crate::store) const VERSION_IN_FORCE: &str =
    "SELECT version FROM directory_entry WHERE listed = 'Endpoint' AND ods = $1 AND state = 'in-force'";

pub(in crate::store) const STAGED: &str = "SELECT stages, reason, by_issuer, by_subject, by_organisation, at FROM endpoint_stage \
    WHERE ods = $1 AND until_epoch IS NULL";
pub(in crate::store) const STAGE_HISTORY: &str = "SELECT stages, reason, by_issuer, by_subject, by_organisation, at FROM endpoint_stage WHERE ods = $1 ORDER BY id DESC";
pub(in crate::store) const END_STAGES: &str = "UPDATE endpoint_stage SET until_epoch = (SELECT epoch FROM epoch WHERE key = -1) \
    WHERE ods = $1 AND until_epoch IS NULL";
pub(in crate::store) const SET_STAGES: &str = "INSERT INTO endpoint_stage (ods, stages, reason, by_issuer, by_subject, \
    by_organisation, at, from_epoch) VALUES ($1, $2, $3, $4, $5, $6, $7, (SELECT epoch FROM epoch WHERE key = -1))";
