-- Who may see what: objections with all their terms and states, claims, overrides, the review desk, and the policy itself as a
-- fact. Each fact says from which epoch on it holds and until which: what was in force when a row was decided can be told.
-- Only tables and columns are added: the version before runs on this unchanged, and reads a new objection as wider than it is.

ALTER TABLE consent ADD COLUMN terms text;            -- JSON; null: as `scope` says
ALTER TABLE consent ADD COLUMN state text NOT NULL DEFAULT 'requested';
ALTER TABLE consent ADD COLUMN withdrawer text;       -- JSON: who wrote an unconfirmed withdrawal down
ALTER TABLE consent ADD COLUMN note text;             -- why, in words
ALTER TABLE consent ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
UPDATE consent SET state = 'withdrawn' WHERE NOT in_force;

ALTER TABLE relationship ADD COLUMN closed boolean NOT NULL DEFAULT false;    -- ended explicitly
ALTER TABLE relationship ADD COLUMN person_issuer text;
ALTER TABLE relationship ADD COLUMN person_subject text;
ALTER TABLE relationship ADD COLUMN from_epoch bigint NOT NULL DEFAULT 0;
ALTER TABLE relationship ADD COLUMN until_epoch bigint;

-- Facts are read as of an epoch, what has ended since among them.
CREATE INDEX relationship_patient ON relationship (patient);
CREATE INDEX quarantine_of ON quarantine (patient);

ALTER TABLE suspension ADD COLUMN from_epoch bigint NOT NULL DEFAULT 0;
ALTER TABLE suspension ADD COLUMN until_epoch bigint;
ALTER TABLE revocation ADD COLUMN from_epoch bigint NOT NULL DEFAULT 0;
ALTER TABLE revocation ADD COLUMN until_epoch bigint;
ALTER TABLE quarantine ADD COLUMN from_epoch bigint NOT NULL DEFAULT 0;
ALTER TABLE quarantine ADD COLUMN until_epoch bigint;

-- What becomes of a claimed relationship (the relationship itself is a row of `relationship`, its evidence this id).
CREATE TABLE claim (
    id           text COLLATE "C" PRIMARY KEY,
    patient      bigint NOT NULL,
    organisation text COLLATE "C" NOT NULL,
    issuer       text NOT NULL,
    subject      text NOT NULL,
    reason       text NOT NULL,
    at           bigint NOT NULL,
    confirm_by   bigint NOT NULL,    -- unconfirmed then: the privacy officer is alerted
    until_at     bigint NOT NULL,
    confirmed_at bigint,
    confirmed_by text,             -- the evidence that did
    settled_at   bigint              -- confirmed and not to be reviewed, or put before the privacy officer
);
CREATE INDEX claim_open ON claim (confirm_by) WHERE settled_at IS NULL;
CREATE INDEX claim_patient ON claim (patient, until_at);

-- Never changed: one that is over is over by its end.
CREATE TABLE override_grant (
    id           text COLLATE "C" PRIMARY KEY,
    patient      bigint NOT NULL,
    issuer       text NOT NULL,
    subject      text NOT NULL,
    organisation text COLLATE "C" NOT NULL,
    reason       text NOT NULL,
    text         text NOT NULL,
    start_at     bigint NOT NULL,
    end_at       bigint NOT NULL,
    from_epoch   bigint NOT NULL
);
CREATE INDEX override_grant_patient ON override_grant (patient, end_at);

-- Rows of the log that name this id are held back from the patient's own log until it is released.
CREATE TABLE hold (
    id               text COLLATE "C" PRIMARY KEY,
    patient          bigint NOT NULL,
    at               bigint NOT NULL,
    released_at      bigint,
    released_issuer  text,
    released_subject text,
    released_why     text
);
CREATE INDEX hold_patient ON hold (patient);

-- The review desk: what a privacy officer is to look at. `about` is the id of the claim, grant or Consent.
CREATE TABLE desk_task (
    id             text COLLATE "C" PRIMARY KEY,
    organisation   text COLLATE "C" NOT NULL,
    kind           text COLLATE "C" NOT NULL,
    patient        bigint NOT NULL,
    about          text NOT NULL,
    detail         text NOT NULL,      -- JSON
    at             bigint NOT NULL,
    closed_at      bigint,
    closed_issuer  text,
    closed_subject text,
    closed_note    text
);
-- Two nodes that notice the same thing make one task of it.
CREATE UNIQUE INDEX desk_task_once ON desk_task (organisation, kind, about) WHERE closed_at IS NULL;
CREATE INDEX desk_task_queue ON desk_task (organisation, at, id);

-- Messages to be sent, each until it was taken.
CREATE TABLE notice (
    id       text COLLATE "C" PRIMARY KEY,
    kind     text NOT NULL,
    body     text NOT NULL,            -- JSON, as it is sent
    at       bigint NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    next_at  bigint NOT NULL,
    sent_at  bigint
);
CREATE INDEX notice_due ON notice ((kind = 'patient-told'), next_at) WHERE sent_at IS NULL;

-- Every policy that ever decided anything, and which was in force when. The last is.
CREATE TABLE policy_text (
    fingerprint text COLLATE "C" PRIMARY KEY,
    texts       text NOT NULL,         -- JSON: file name -> text
    first_at    bigint NOT NULL
);
CREATE TABLE policy_in_force (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fingerprint text NOT NULL REFERENCES policy_text (fingerprint),
    from_epoch  bigint NOT NULL,
    at          bigint NOT NULL
);
