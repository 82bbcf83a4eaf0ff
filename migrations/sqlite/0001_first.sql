-- The same tables as for PostgreSQL, where the comments say what each is for. STRICT, so that a column holds what it says
-- and a changed byte is found as a change, not as another type. Times are microseconds since 1970.

CREATE TABLE epoch (
    key   INTEGER PRIMARY KEY CHECK (key >= -1),
    epoch INTEGER NOT NULL CHECK (epoch > 0)
) STRICT;
-- One transaction writes at a time (BEGIN IMMEDIATE), so no lock is needed; but a number that comes back would let a permit
-- stand that was decided under other facts.
CREATE TRIGGER epoch_raised BEFORE UPDATE ON epoch WHEN NEW.key <> OLD.key OR NEW.epoch <= OLD.epoch
BEGIN SELECT RAISE(ABORT, 'an epoch is only ever raised'); END;
CREATE TRIGGER epoch_kept BEFORE DELETE ON epoch BEGIN SELECT RAISE(ABORT, 'an epoch is only ever raised'); END;

CREATE TABLE audit_row (
    log        TEXT NOT NULL,
    idx        INTEGER NOT NULL,
    leaf       BLOB NOT NULL,
    nonce      BLOB,
    body       BLOB,
    kind       INTEGER,             -- 0 intent, 1 released, 2 refused, 3 failed
    at         INTEGER,
    patient    INTEGER,
    request_id BLOB,
    PRIMARY KEY (log, idx),
    CHECK ((nonce IS NULL) + (body IS NULL) + (kind IS NULL) + (at IS NULL) + (request_id IS NULL) IN (0, 5)
           AND (body IS NOT NULL OR patient IS NULL))
) STRICT;
CREATE INDEX audit_row_patient ON audit_row (patient, at) WHERE patient IS NOT NULL AND kind <> 0;
CREATE INDEX audit_row_request ON audit_row (request_id) WHERE request_id IS NOT NULL;

CREATE TABLE audit_item_list (
    answer   TEXT PRIMARY KEY,
    source   TEXT NOT NULL,
    patient  INTEGER NOT NULL,
    text     BLOB NOT NULL,
    first_at INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_item_list_source ON audit_item_list (source, patient);

CREATE TABLE log_head (
    log        TEXT PRIMARY KEY,
    size       INTEGER NOT NULL,
    frontier   BLOB NOT NULL,
    root       BLOB NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE checkpoint (
    log  TEXT NOT NULL,
    size INTEGER NOT NULL,
    note TEXT NOT NULL,
    at   INTEGER NOT NULL,
    PRIMARY KEY (log, size)
) STRICT;

CREATE TABLE consent (
    id                    TEXT NOT NULL,
    version               INTEGER NOT NULL CHECK (version > 0),
    patient               INTEGER NOT NULL,
    scope                 TEXT NOT NULL,    -- JSON
    in_force              INTEGER NOT NULL,
    recorded_issuer       TEXT NOT NULL,
    recorded_subject      TEXT NOT NULL,
    recorded_organisation TEXT,
    recorded_at           INTEGER NOT NULL,
    resource              TEXT NOT NULL,    -- the Consent as answered, JSON
    PRIMARY KEY (id, version)
) STRICT;
CREATE INDEX consent_patient ON consent (patient);

CREATE TABLE relationship (
    id                    INTEGER PRIMARY KEY,
    patient               INTEGER NOT NULL,
    organisation          TEXT NOT NULL,
    basis                 TEXT NOT NULL,
    evidence              TEXT NOT NULL,
    start_at              INTEGER NOT NULL,
    end_at                INTEGER,
    recorded_issuer       TEXT NOT NULL,
    recorded_subject      TEXT NOT NULL,
    recorded_organisation TEXT,
    recorded_at           INTEGER NOT NULL,
    superseded_at         INTEGER
) STRICT;
CREATE UNIQUE INDEX relationship_current ON relationship (patient, organisation, basis, evidence) WHERE superseded_at IS NULL;

CREATE TABLE suspension (
    id       INTEGER PRIMARY KEY,
    source   TEXT NOT NULL,
    reason   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX suspension_current ON suspension (source) WHERE ended_at IS NULL;

CREATE TABLE revocation (
    id       INTEGER PRIMARY KEY,
    issuer   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    reason   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX revocation_current ON revocation (issuer, subject) WHERE ended_at IS NULL;

CREATE TABLE quarantine (
    id       INTEGER PRIMARY KEY,
    source   TEXT NOT NULL,
    patient  INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX quarantine_current ON quarantine (source, patient) WHERE ended_at IS NULL;
CREATE INDEX quarantine_patient ON quarantine (patient) WHERE ended_at IS NULL;

CREATE TABLE long_id (
    digest  TEXT PRIMARY KEY,
    source  TEXT NOT NULL,
    patient INTEGER NOT NULL,
    local   TEXT NOT NULL
) STRICT;
