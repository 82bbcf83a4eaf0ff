//! The statements that read the same in both databases.

pub(super) const EPOCH: &str = "SELECT epoch FROM epoch WHERE key = $1";

/// The first statement of every transaction that changes a fact: on PostgreSQL it waits for the releases under way and
/// holds up new ones until this transaction has ended.
pub(super) const RAISE: &str =
    "INSERT INTO epoch (key, epoch) VALUES ($1, 1) ON CONFLICT (key) DO UPDATE SET epoch = epoch.epoch + 1";

/// The epoch that this very transaction raised, as part of a statement: a fact holds from there on.
macro_rules! raised {
    ($key:literal) => {
        concat!("(SELECT epoch FROM epoch WHERE key = ", $key, ")")
    };
}

pub(super) mod desk;
pub(super) mod directory;
pub(super) mod ledger;
pub(super) mod probe;
pub(super) mod sessions;

/// The number that was given up for another, and by which epochs the two go on together: $1 now, and down from $1 at an epoch.
pub(super) const SUPERSEDED_BY: &str = "SELECT current FROM superseded_number WHERE number = $1 AND ended_at IS NULL";
pub(super) const GIVEN_UP_FOR: &str = "SELECT number FROM superseded_number WHERE current = $1 AND ended_at IS NULL";
pub(super) const GIVEN_UP_AT: &str = "SELECT number, number_epoch, from_epoch FROM superseded_number \
    WHERE current = $1 AND from_epoch <= $2 AND (until_epoch IS NULL OR until_epoch > $2) ORDER BY number";
pub(super) const END_SUPERSESSION: &str = "UPDATE superseded_number SET ended_at = $2, \
    until_epoch = (SELECT epoch FROM epoch WHERE key = superseded_number.current) WHERE number = $1 AND ended_at IS NULL";
pub(super) const SUPERSEDE_NUMBER: &str = concat!(
    "INSERT INTO superseded_number (number, current, at, number_epoch, from_epoch) VALUES ($1, $2, $3, ",
    raised!("$1"),
    ", ",
    raised!("$2"),
    ")"
);

/// Facts are read as they stood at an epoch ($2, or $1 of everyone's): the one just read, or one of long ago. What the version
/// before wrote names no epochs, and stood for ever, or ended for ever.
pub(super) const OBJECTIONS: &str = "SELECT id, scope, terms, withdrawer, \
    (SELECT f.recorded_organisation FROM consent AS f WHERE f.id = c.id AND f.version = 1) \
    FROM consent AS c WHERE patient = $1 AND in_force AND epoch <= $2 \
    AND NOT EXISTS (SELECT 1 FROM consent AS n WHERE n.id = c.id AND n.version > c.version AND n.epoch <= $2) ORDER BY id";

/// Those that ended no earlier than $3: what is longer over can matter to no decision to come.
pub(super) const RELATIONSHIPS: &str = "SELECT organisation, basis, evidence, start_at, end_at, closed, person_issuer, \
    person_subject FROM relationship \
    WHERE patient = $1 AND from_epoch <= $2 AND (superseded_at IS NULL OR until_epoch > $2) \
    AND (end_at IS NULL OR end_at > $3) ORDER BY start_at, id";

pub(super) const OVERRIDES: &str = "SELECT id, issuer, subject, organisation, reason, start_at, end_at FROM override_grant \
    WHERE patient = $1 AND from_epoch <= $2 AND end_at > $3 ORDER BY id";

pub(super) const QUARANTINED: &str = "SELECT source FROM quarantine \
    WHERE patient = $1 AND from_epoch <= $2 AND (ended_at IS NULL OR until_epoch > $2)";
pub(super) const SUSPENDED: &str =
    "SELECT source FROM suspension WHERE from_epoch <= $1 AND (ended_at IS NULL OR until_epoch > $1)";
/// Of each endpoint that was in force: one of which nobody set a stage has none.
pub(super) const STAGES: &str = "SELECT e.ods, s.stages FROM directory_entry AS e LEFT JOIN endpoint_stage AS s \
    ON s.ods = e.ods AND s.from_epoch <= $1 AND (s.until_epoch IS NULL OR s.until_epoch > $1) \
    WHERE e.listed = 'Endpoint' AND e.from_epoch <= $1 AND (e.until_epoch IS NULL OR e.until_epoch > $1)";
pub(super) const REGISTRY_CHANGED: &str = "SELECT max(from_epoch) FROM directory_entry WHERE from_epoch <= $1";
pub(super) const REVOKED: &str =
    "SELECT issuer, subject FROM revocation WHERE from_epoch <= $1 AND (ended_at IS NULL OR until_epoch > $1)";
pub(super) const POLICY: &str =
    "SELECT fingerprint FROM policy_in_force WHERE from_epoch <= $1 ORDER BY id DESC LIMIT 1";
pub(super) const POLICY_NOW: &str = "SELECT fingerprint FROM policy_in_force ORDER BY id DESC LIMIT 1";

pub(super) const POINT: &str = "INSERT INTO presence (patient, source, sent, present, at, until) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (patient, source, sent) \
    DO UPDATE SET present = excluded.present, at = excluded.at, until = excluded.until";
pub(super) const POINTERS: &str =
    "SELECT source, sent, present, at, until FROM presence WHERE patient = $1 AND until > $2";

pub(super) const SPEND: &str =
    "INSERT INTO client_assertion (client, digest, until) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
pub(super) const PRUNE_SPENT: &str = "DELETE FROM client_assertion WHERE until < $1";

pub(super) const POLICY_TEXTS: &str = "SELECT texts FROM policy_text WHERE fingerprint = $1";
pub(super) const KEEP_POLICY: &str =
    "INSERT INTO policy_text (fingerprint, texts, first_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
pub(super) const PUT_IN_FORCE: &str =
    concat!("INSERT INTO policy_in_force (fingerprint, from_epoch, at) VALUES ($1, ", raised!("-1"), ", $2)");
pub(super) const POLICIES: &str = "SELECT fingerprint, from_epoch, at FROM policy_in_force ORDER BY id";

/// Unless its recorder's very same objection is in force: a POST repeated because its answer was lost makes no second.
pub(super) const CREATE_CONSENT: &str = concat!(
    "INSERT INTO consent (id, version, patient, scope, in_force, recorded_issuer, recorded_subject, \
     recorded_organisation, recorded_at, resource, terms, state, withdrawer, note, epoch) \
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, ",
    raised!("$3"),
    " WHERE NOT EXISTS (SELECT 1 FROM consent AS c WHERE c.patient = $3 AND c.terms = $11 AND c.in_force \
     AND c.state <> 'withdrawal-recorded' \
     AND EXISTS (SELECT 1 FROM consent AS f WHERE f.id = c.id AND f.version = 1 AND f.recorded_issuer = $6 \
     AND f.recorded_subject = $7) \
     AND NOT EXISTS (SELECT 1 FROM consent AS n WHERE n.id = c.id AND n.version > c.version))"
);

/// Only on top of the version before, of the same patient.
pub(super) const UPDATE_CONSENT: &str = concat!(
    "INSERT INTO consent (id, version, patient, scope, in_force, recorded_issuer, recorded_subject, \
     recorded_organisation, recorded_at, resource, terms, state, withdrawer, note, epoch) \
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, ",
    raised!("$3"),
    " WHERE EXISTS (SELECT 1 FROM consent WHERE id = $1 AND version = $2 - 1 AND patient = $3)"
);

/// Of one version of a Consent, `c`, all that is told, and who recorded its first.
macro_rules! consent {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.version, c.patient, c.scope, c.terms, c.recorded_issuer, c.recorded_subject, \
             c.recorded_organisation, c.recorded_at, c.resource, c.state, c.withdrawer, c.note, f.recorded_issuer, \
             f.recorded_subject, f.recorded_organisation FROM consent AS c \
             JOIN consent AS f ON f.id = c.id AND f.version = 1 WHERE ",
            $rest
        )
    };
}

pub(super) const CONSENT: &str = consent!("c.id = $1 ORDER BY c.version DESC LIMIT 1");
pub(super) const CONSENT_VERSION: &str = consent!("c.id = $1 AND c.version = $2");
pub(super) const CONSENTS: &str = consent!(
    "c.patient = $1 AND NOT EXISTS (SELECT 1 FROM consent AS n WHERE n.id = c.id AND n.version > c.version) \
     ORDER BY f.recorded_at, c.id"
);

pub(super) const ADD_CONCERNED: &str =
    "INSERT INTO consent_concerns (organisation, at, id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
/// With when it was ended, where it was: sent late or again, it does not begin anew.
pub(super) const SUPERSEDE: &str = concat!(
    "UPDATE relationship SET superseded_at = $5, until_epoch = ",
    raised!("$1"),
    " WHERE patient = $1 AND organisation = $2 AND basis = $3 AND evidence = $4 AND superseded_at IS NULL \
     RETURNING CASE WHEN closed THEN end_at END"
);

/// What an organisation asserted and has not ended by $4. What is over by its own period may hold a while yet: an end that
/// has come ($4 is no later than now, $5) takes that away too.
pub(super) const SUPERSEDE_LASTING: &str = concat!(
    "UPDATE relationship SET superseded_at = $5, until_epoch = ",
    raised!("$1"),
    " WHERE patient = $1 AND organisation = $2 AND ($3 IS NULL OR evidence = $3) AND NOT closed \
     AND basis <> 'claim' AND superseded_at IS NULL AND (end_at IS NULL OR end_at > $4 OR $4 <= $5) \
     RETURNING organisation, basis, evidence, start_at, end_at, closed, person_issuer, person_subject"
);

pub(super) const ADD_RELATIONSHIP: &str = concat!(
    "INSERT INTO relationship (patient, organisation, basis, evidence, start_at, end_at, recorded_issuer, \
     recorded_subject, recorded_organisation, recorded_at, closed, person_issuer, person_subject, from_epoch) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, ",
    raised!("$1"),
    ")"
);

pub(super) const STANDING_CLAIM: &str = "SELECT id, patient, organisation, issuer, subject, reason, at, confirm_by, \
    until_at, confirmed_by FROM claim WHERE patient = $1 AND organisation = $2 AND issuer = $3 AND subject = $4 \
    AND until_at > $5 ORDER BY until_at DESC LIMIT 1";
pub(super) const ADD_CLAIM: &str = "INSERT INTO claim (id, patient, organisation, issuer, subject, reason, at, \
    confirm_by, until_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
pub(super) const UNCONFIRMED_CLAIM: &str = "SELECT id FROM claim WHERE patient = $1 AND organisation = $2 \
    AND issuer = $3 AND subject = $4 AND confirmed_by IS NULL AND settled_at IS NULL";
pub(super) const CONFIRM_CLAIM: &str = "UPDATE claim SET confirmed_at = $2, confirmed_by = $3 WHERE id = $1 \
    AND confirmed_by IS NULL AND settled_at IS NULL";
pub(super) const DUE_CLAIMS: &str = "SELECT id, patient, organisation, issuer, subject, reason, at, confirm_by, \
    until_at, confirmed_by FROM claim WHERE settled_at IS NULL AND confirm_by <= $1 ORDER BY confirm_by, id LIMIT $2";
/// Of several nodes that look at it one settles it, and nobody what was confirmed meanwhile ($4 is as it was looked at).
pub(super) const SETTLE_CLAIM: &str = "UPDATE claim SET settled_at = $2, confirmed_by = $3, \
    confirmed_at = CASE WHEN $3 IS NULL THEN NULL ELSE coalesce(confirmed_at, $2) END \
    WHERE id = $1 AND settled_at IS NULL AND confirmed_by IS NOT DISTINCT FROM $4";
pub(super) const REVOKE: &str = concat!(
    "INSERT INTO revocation (issuer, subject, reason, at, from_epoch) VALUES ($1, $2, $3, $4, ",
    raised!("-1"),
    ") ON CONFLICT DO NOTHING"
);
pub(super) const SUSPEND: &str = concat!(
    "INSERT INTO suspension (source, reason, at, from_epoch) VALUES ($1, $2, $3, ",
    raised!("-1"),
    ") ON CONFLICT DO NOTHING"
);
pub(super) const RESUME: &str = concat!(
    "UPDATE suspension SET ended_at = $2, until_epoch = ",
    raised!("-1"),
    " WHERE source = $1 AND ended_at IS NULL"
);
pub(super) const QUARANTINE: &str = concat!(
    "INSERT INTO quarantine (source, patient, reason, at, from_epoch) VALUES ($1, $2, $3, $4, ",
    raised!("$2"),
    ") ON CONFLICT DO NOTHING"
);
pub(super) const LIFT_QUARANTINE: &str = concat!(
    "UPDATE quarantine SET ended_at = $3, until_epoch = ",
    raised!("$2"),
    " WHERE source = $1 AND patient = $2 AND ended_at IS NULL"
);
pub(super) const QUARANTINED_PATIENTS: &str = "SELECT count(*) FROM quarantine WHERE source = $1 AND ended_at IS NULL";

pub(super) const RECALLS: &str = "SELECT source, resource_type, local, reason, from_epoch FROM recall \
    WHERE patient = $1 AND from_epoch <= $2 AND (ended_at IS NULL OR until_epoch > $2) ORDER BY id, resource_type, local";
/// Recalled again it is recalled from then on: what was given out in between is taken back too.
pub(super) const RECALL_ANEW: &str = concat!(
    "UPDATE recall SET ended_at = $5, until_epoch = ",
    raised!("$2"),
    " WHERE source = $1 AND patient = $2 AND resource_type = $3 AND local = $4 AND reason = $6 AND id <> $7 \
     AND ended_at IS NULL"
);
/// A story that is told again is the same recall.
pub(super) const RECALL: &str = concat!(
    "INSERT INTO recall (id, source, patient, resource_type, local, reason, note, recorded_issuer, recorded_subject, at, \
     from_epoch) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, ",
    raised!("$3"),
    ") ON CONFLICT DO NOTHING"
);
/// What was said to be another patient's.
pub(super) const WITHDRAW_RECALL: &str = concat!(
    "UPDATE recall SET ended_at = $5, until_epoch = ",
    raised!("$2"),
    " WHERE source = $1 AND patient = $2 AND resource_type = $3 AND local = $4 AND reason = 'wrong-patient' \
     AND ended_at IS NULL"
);

pub(super) const FIND: &str = "SELECT source, patient, local FROM long_id WHERE digest = $1";

/// Hops from name to name along the keys: the rows themselves may be many millions.
pub(super) const LOGS: &str = "WITH RECURSIVE named (log) AS ( \
    SELECT (SELECT min(log) FROM audit_row) \
    UNION ALL SELECT (SELECT min(r.log) FROM audit_row AS r WHERE r.log > named.log) FROM named WHERE named.log IS NOT NULL), \
    signed (log) AS (SELECT (SELECT min(log) FROM checkpoint) \
    UNION ALL SELECT (SELECT min(c.log) FROM checkpoint AS c WHERE c.log > signed.log) FROM signed WHERE signed.log IS NOT NULL) \
    SELECT log FROM named WHERE log IS NOT NULL UNION SELECT log FROM log_head \
    UNION SELECT log FROM signed WHERE log IS NOT NULL ORDER BY 1";

pub(super) const HEAD: &str = "SELECT size, frontier, root FROM log_head WHERE log = $1";
pub(super) const BEGIN_LOG: &str = "INSERT INTO log_head (log, size, frontier, root, updated_at) VALUES ($1, 0, $2, $3, $4) \
    ON CONFLICT DO NOTHING";
/// Moves only the head it was computed from.
pub(super) const MOVE_HEAD: &str =
    "UPDATE log_head SET size = $3, frontier = $4, root = $5, updated_at = $6 WHERE log = $1 AND size = $2";
pub(super) const SAVE_CHECKPOINT: &str =
    "INSERT INTO checkpoint (log, size, note, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";

pub(super) const ROWS: &str = "SELECT log, idx, leaf, nonce, body, kind, at, patient, request_id FROM audit_row \
    WHERE log = $1 AND idx >= $2 ORDER BY idx LIMIT $3";
pub(super) const ROWS_OUTSIDE: &str = "SELECT count(*) FROM audit_row WHERE log = $1 \
    AND (idx < 0 OR idx >= (SELECT size FROM log_head WHERE log = $1))";
pub(super) const CHECKPOINTS: &str =
    "SELECT size, note FROM checkpoint WHERE log = $1 AND size > $2 ORDER BY size LIMIT $3";

pub(super) const PATIENT_ROWS: &str = "SELECT log, idx, leaf, nonce, body, kind, at, patient, request_id FROM audit_row \
    WHERE patient = $1 AND kind <> 0 AND at >= $2 AND at < $3 AND (at, log, idx) < ($4, $5, $6) \
    ORDER BY at DESC, log DESC, idx DESC LIMIT $7";
/// The newest: whoever sends one id with request after request hides none of the last.
pub(super) const REQUEST_ROWS: &str = "SELECT log, idx, leaf, nonce, body, kind, at, patient, request_id FROM audit_row \
    WHERE request_id = $1 ORDER BY at DESC, log DESC, idx DESC LIMIT 1000";

pub(super) const ITEMS: &str = "SELECT answer, source, patient, text FROM audit_item_list WHERE answer = $1";
pub(super) const ALL_ITEMS: &str =
    "SELECT answer, source, patient, text FROM audit_item_list WHERE answer > $1 ORDER BY answer LIMIT $2";
pub(super) const SOURCE_ITEMS: &str = "SELECT answer, source, patient, text FROM audit_item_list \
    WHERE source = $3 AND answer > $1 ORDER BY answer LIMIT $2";
pub(super) const PATIENT_ITEMS: &str = "SELECT answer, source, patient, text FROM audit_item_list \
    WHERE source = $3 AND patient = $4 AND answer > $1 ORDER BY answer LIMIT $2";
