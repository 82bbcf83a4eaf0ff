pub(in crate::store) const GRANT: &str = concat!(
    "INSERT INTO override_grant (id, patient, issuer, subject, organisation, reason, text, start_at, end_at, from_epoch) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, ",
    raised!("$2"),
    ")"
);
pub(in crate::store) const HOLD: &str = "INSERT INTO hold (id, patient, at) VALUES ($1, $2, $3)";

pub(in crate::store) const ADD_TASK: &str = "INSERT INTO desk_task (id, organisation, kind, patient, about, detail, at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (organisation, kind, about) WHERE closed_at IS NULL DO NOTHING";
pub(in crate::store) const ADD_NOTICE: &str =
    "INSERT INTO notice (id, kind, body, at, next_at) VALUES ($1, $2, $3, $4, $4)";

macro_rules! tasks {
    ($where:literal) => {
        concat!(
            "SELECT t.id, t.organisation, t.kind, t.patient, t.about, t.detail, t.at, t.closed_at, t.closed_issuer, \
             t.closed_subject, t.closed_note, h.id, h.released_at, h.released_issuer, h.released_subject, h.released_why \
             FROM desk_task AS t LEFT JOIN hold AS h ON t.kind = 'override' AND h.id = t.about WHERE ",
            $where
        )
    };
}

pub(in crate::store) const TASK: &str = tasks!("t.id = $1");
pub(in crate::store) const TASKS: &str = tasks!(
    "t.organisation = $1 AND ($2 IS NULL OR (t.closed_at IS NOT NULL) = $2) AND (t.at, t.id) < ($3, $4) \
     ORDER BY t.at DESC, t.id DESC LIMIT $5"
);
pub(in crate::store) const CONCERNING: &str = "SELECT at, id FROM consent_concerns \
    WHERE organisation = $1 AND (at, id) < ($2, $3) ORDER BY at DESC, id DESC LIMIT $4";
pub(in crate::store) const CLOSE_TASK: &str = "UPDATE desk_task \
    SET closed_at = $2, closed_issuer = $3, closed_subject = $4, closed_note = $5 WHERE id = $1 AND closed_at IS NULL";
pub(in crate::store) const RELEASE_HOLD: &str = "UPDATE hold \
    SET released_at = $2, released_issuer = $3, released_subject = $4, released_why = $5 \
    WHERE id = $1 AND released_at IS NULL";
pub(in crate::store) const RELEASED_HOLDS: &str = "SELECT id FROM hold WHERE patient = $1 AND released_at IS NOT NULL";

/// For patients ($2), or for officers: what a patient is to be told names them, and goes its own way.
pub(in crate::store) const ANY_DUE: &str = "SELECT id FROM notice \
    WHERE sent_at IS NULL AND next_at <= $1 AND (kind = 'patient-told') = $2 LIMIT 1";
/// Said twice that it is due: a node that waited for another's claim of the same rows looks again, and finds them taken.
pub(in crate::store) const CLAIM_DUE: &str = "UPDATE notice SET next_at = $2, attempts = attempts + 1 \
    WHERE sent_at IS NULL AND next_at <= $1 AND id IN \
    (SELECT id FROM notice WHERE sent_at IS NULL AND next_at <= $1 AND (kind = 'patient-told') = $4 ORDER BY next_at LIMIT $3) \
    RETURNING id, body, attempts";
pub(in crate::store) const SENT: &str = "UPDATE notice SET sent_at = $2 WHERE id = $1 AND sent_at IS NULL";
pub(in crate::store) const LATER: &str = "UPDATE notice SET next_at = $2 WHERE id = $1 AND sent_at IS NULL";
