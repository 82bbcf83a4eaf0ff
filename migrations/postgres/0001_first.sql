-- Times are microseconds since 1970 (bigint), as in the other database, so that comparing them needs no time zone.
-- NHS numbers are bigint: half the size of text, and the key of the epoch's lock.

-- What a permit was decided under. One row for each patient anything was ever written about, and -1 for everyone's.
-- A missing row stands for 0: reading never makes one.
CREATE TABLE epoch (
    key   bigint PRIMARY KEY CHECK (key >= -1),
    epoch bigint NOT NULL CHECK (epoch > 0)
);

-- Whoever raises an epoch holds its lock exclusively until its transaction has ended; whoever releases a record holds it
-- shared from before it reads the epoch until it has committed. So no release commits across a raise. Advisory locks rather
-- than FOR SHARE: readers then write no tuple, a row that does not exist yet can be locked, and the lock's queue is fair,
-- so that a stream of releases never starves an objection or a suspension. The trigger leaves no SQL a way round it.
CREATE FUNCTION epoch_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM pg_advisory_xact_lock(NEW.key);
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF NEW.key = OLD.key AND NEW.epoch > OLD.epoch THEN
            PERFORM pg_advisory_xact_lock(NEW.key);
            RETURN NEW;
        END IF;
    END IF;
    -- a number that comes back would let a permit stand that was decided under other facts
    RAISE EXCEPTION 'an epoch is only ever raised';
END $$;
CREATE TRIGGER epoch_guard BEFORE INSERT OR UPDATE OR DELETE ON epoch FOR EACH ROW EXECUTE FUNCTION epoch_guard();
CREATE TRIGGER epoch_guard_all BEFORE TRUNCATE ON epoch FOR EACH STATEMENT EXECUTE FUNCTION epoch_guard();

-- Locks, then reads: which of these epochs are not (any more) as given. Inside a VOLATILE function each statement sees what was
-- committed before *it* began (under READ COMMITTED), so the epochs are read after the locks are held. Called from the one
-- statement that writes a batch, so that a release is one round trip, and no node that stalls or dies can hold these locks.
-- The keys come sorted and without repeats: no deadlock.
CREATE FUNCTION epochs_moved(keys bigint[], epochs bigint[]) RETURNS SETOF bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(k) FROM unnest(keys) AS k;
    RETURN QUERY SELECT g.key FROM unnest(keys, epochs) AS g (key, epoch)
        LEFT JOIN epoch AS e ON e.key = g.key WHERE coalesce(e.epoch, 0) <> g.epoch;
END $$;

-- One row a leaf. `leaf` is the hash over the index, the nonce and the body (src/audit/merkle.rs) and outlives an erasure;
-- all else goes together or not at all.
-- `body` is bytea: text would refuse what JSON may hold, and the bytes are what the hash is over.
CREATE TABLE audit_row (
    log        text COLLATE "C" NOT NULL,
    idx        bigint NOT NULL,
    leaf       bytea NOT NULL,
    nonce      bytea,
    body       bytea,
    kind       smallint,            -- 0 intent, 1 released, 2 refused, 3 failed
    at         bigint,
    patient    bigint,
    request_id bytea,
    PRIMARY KEY (log, idx),
    CHECK (num_nulls(nonce, body, kind, at, request_id) IN (0, 5) AND (body IS NOT NULL OR patient IS NULL))
);
-- A patient's access log. Intents are not part of it, which halves the index.
CREATE INDEX audit_row_patient ON audit_row (patient, at) WHERE patient IS NOT NULL AND kind <> 0;
-- An incident is told by the request id on the screen or in a provider's log; without this that is a full scan.
CREATE INDEX audit_row_request ON audit_row (request_id) WHERE request_id IS NOT NULL;

-- The items of one provider's answer, stored once, whoever is shown them. `answer` is the SHA-256 of `text` in hex;
-- first_at is for retention only, and stands under no hash.
CREATE TABLE audit_item_list (
    answer   text COLLATE "C" PRIMARY KEY,
    source   text COLLATE "C" NOT NULL,
    patient  bigint NOT NULL,
    text     bytea NOT NULL,
    first_at bigint NOT NULL
);
CREATE INDEX audit_item_list_source ON audit_item_list (source, patient);

-- Moves with each batch, in its transaction. Small and hot: room for updates in place.
CREATE TABLE log_head (
    log        text COLLATE "C" PRIMARY KEY,
    size       bigint NOT NULL,
    frontier   bytea NOT NULL,
    root       bytea NOT NULL,
    updated_at bigint NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE checkpoint (
    log  text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    note text NOT NULL,
    at   bigint NOT NULL,
    PRIMARY KEY (log, size)
);

-- Objections: every version is kept, the highest is current.
CREATE TABLE consent (
    id                    text COLLATE "C" NOT NULL,
    version               bigint NOT NULL CHECK (version > 0),
    patient               bigint NOT NULL,
    scope                 text NOT NULL,    -- JSON
    in_force              boolean NOT NULL,
    recorded_issuer       text NOT NULL,
    recorded_subject      text NOT NULL,
    recorded_organisation text,
    recorded_at           bigint NOT NULL,
    resource              text NOT NULL,    -- the Consent as answered, JSON
    PRIMARY KEY (id, version)
);
CREATE INDEX consent_patient ON consent (patient);

-- Care relationships. A change supersedes the row and adds another, so that who asserted and who ended it stays known.
CREATE TABLE relationship (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient               bigint NOT NULL,
    organisation          text COLLATE "C" NOT NULL,
    basis                 text COLLATE "C" NOT NULL,
    evidence              text NOT NULL,
    start_at              bigint NOT NULL,
    end_at                bigint,
    recorded_issuer       text NOT NULL,
    recorded_subject      text NOT NULL,
    recorded_organisation text,
    recorded_at           bigint NOT NULL,
    superseded_at         bigint
);
CREATE UNIQUE INDEX relationship_current ON relationship (patient, organisation, basis, evidence) WHERE superseded_at IS NULL;

-- Sources not shown to anyone, users barred, sources not shown for one patient. In force while ended_at is null.
CREATE TABLE suspension (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source   text COLLATE "C" NOT NULL,
    reason   text NOT NULL,
    at       bigint NOT NULL,
    ended_at bigint
);
CREATE UNIQUE INDEX suspension_current ON suspension (source) WHERE ended_at IS NULL;

CREATE TABLE revocation (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    issuer   text NOT NULL,
    subject  text NOT NULL,
    reason   text NOT NULL,
    at       bigint NOT NULL,
    ended_at bigint
);
CREATE UNIQUE INDEX revocation_current ON revocation (issuer, subject) WHERE ended_at IS NULL;

CREATE TABLE quarantine (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source   text COLLATE "C" NOT NULL,
    patient  bigint NOT NULL,
    reason   text NOT NULL,
    at       bigint NOT NULL,
    ended_at bigint
);
CREATE UNIQUE INDEX quarantine_current ON quarantine (source, patient) WHERE ended_at IS NULL;
CREATE INDEX quarantine_patient ON quarantine (patient) WHERE ended_at IS NULL;

-- Source ids too long to be sealed in one of ours.
CREATE TABLE long_id (
    digest  text COLLATE "C" PRIMARY KEY,
    source  text COLLATE "C" NOT NULL,
    patient bigint NOT NULL,
    local   text NOT NULL
);
