-- Who may see what: objections with all their terms and states, claims, overrides, the review desk, and the policy itself as a
-- fact. Each fact says from which epoch on it holds and until which: what was in force when a row was decided can be told.
-- Only tables and columns are added: the version before runs on this unchanged, and reads a new objection as wider than it is.

ALTER TABLE consent ADD COLUMN terms TEXT;            -- JSON; null: as `scope` says
ALTER TABLE consent ADD COLUMN state TEXT NOT NULL DEFAULT 'requested';
ALTER TABLE consent ADD COLUMN withdrawer TEXT;       -- JSON: who wrote an unconfirmed withdrawal down
ALTER TABLE consent ADD COLUMN note TEXT;             -- why, in words
ALTER TABLE consent ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
UPDATE consent SET state = 'withdrawn' WHERE NOT in_force;

ALTER TABLE relationship ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;    -- ended explicitly
ALTER TABLE relationship ADD COLUMN person_issuer TEXT;
ALTER TABLE relationship ADD COLUMN person_subject TEXT;
ALTER TABLE relationship ADD COLUMN from_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE relationship ADD COLUMN until_epoch INTEGER;

-- Facts are read as of an epoch, what has ended since among them.
CREATE INDEX relationship_patient ON relationship (patient);
CREATE INDEX quarantine_of ON quarantine (patient);

ALTER TABLE suspension ADD COLUMN from_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE suspension ADD COLUMN until_epoch INTEGER;
ALTER TABLE revocation ADD COLUMN from_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE revocation ADD COLUMN until_epoch INTEGER;
ALTER TABLE quarantine ADD COLUMN from_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE quarantine ADD COLUMN until_epoch INTEGER;

-- What becomes of a claimed relationship (the relationship itself is a row of `relationship`, its evidence this id).
CREATE TABLE claim (
    id           TEXT PRIMARY KEY,
    patient      INTEGER NOT NULL,
    organisation TEXT NOT NULL,
    issuer       TEXT NOT NULL,
    subject      TEXT NOT NULL,
    reason       TEXT NOT NULL,
    at           INTEGER NOT NULL,
    confirm_by   INTEGER NOT NULL,    -- unconfirmed then: the privacy officer is alerted
    until_at     INTEGER NOT NULL,
    confirmed_at INTEGER,
    confirmed_by TEXT,             -- the evidence that did
    settled_at   INTEGER              -- confirmed and not to be reviewed, or put before the privacy officer
) STRICT;
CREATE INDEX claim_open ON claim (confirm_by) WHERE settled_at IS NULL;
CREATE INDEX claim_patient ON claim (patient, until_at);

-- Never changed: one that is over is over by its end.
CREATE TABLE override_grant (
    id           TEXT PRIMARY KEY,
    patient      INTEGER NOT NULL,
    issuer       TEXT NOT NULL,
    subject      TEXT NOT NULL,
    organisation TEXT NOT NULL,
    reason       TEXT NOT NULL,
    text         TEXT NOT NULL,
    start_at     INTEGER NOT NULL,
    end_at       INTEGER NOT NULL,
    from_epoch   INTEGER NOT NULL
) STRICT;
CREATE INDEX override_grant_patient ON override_grant (patient, end_at);

-- Rows of the log that name this id are held back from the patient's own log until it is released.
CREATE TABLE hold (
    id               TEXT PRIMARY KEY,
    patient          INTEGER NOT NULL,
    at               INTEGER NOT NULL,
    released_at      INTEGER,
    released_issuer  TEXT,
    released_subject TEXT,
    released_why     TEXT
) STRICT;
CREATE INDEX hold_patient ON hold (patient);

-- The review desk: what a privacy officer is to look at. `about` is the id of the claim, grant or Consent.
CREATE TABLE desk_task (
    id             TEXT PRIMARY KEY,
    organisation   TEXT NOT NULL,
    kind           TEXT NOT NULL,
    patient        INTEGER NOT NULL,
    about          TEXT NOT NULL,
    detail         TEXT NOT NULL,      -- JSON
    at             INTEGER NOT NULL,
    closed_at      INTEGER,
    closed_issuer  TEXT,
    closed_subject TEXT,
    closed_note    TEXT
) STRICT;
-- Two nodes that notice the same thing make one task of it.
CREATE UNIQUE INDEX desk_task_once ON desk_task (organisation, kind, about) WHERE closed_at IS NULL;
CREATE INDEX desk_task_queue ON desk_task (organisation, at, id);

-- Messages to be sent, each until it was taken.
CREATE TABLE notice (
    id       TEXT PRIMARY KEY,
    kind     TEXT NOT NULL,
    body     TEXT NOT NULL,            -- JSON, as it is sent
    at       INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at  INTEGER NOT NULL,
    sent_at  INTEGER
) STRICT;
CREATE INDEX notice_due ON notice ((kind = 'patient-told'), next_at) WHERE sent_at IS NULL;

-- Every policy that ever decided anything, and which was in force when. The last is.
CREATE TABLE policy_text (
    fingerprint TEXT PRIMARY KEY,
    texts       TEXT NOT NULL,         -- JSON: file name -> text
    first_at    INTEGER NOT NULL
) STRICT;
CREATE TABLE policy_in_force (
    id          INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL REFERENCES policy_text (fingerprint),
    from_epoch  INTEGER NOT NULL,
    at          INTEGER NOT NULL
) STRICT;
