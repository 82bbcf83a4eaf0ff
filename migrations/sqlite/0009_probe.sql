-- As for PostgreSQL, where the comments say what it is for.
CREATE TABLE probe (
    id                TEXT PRIMARY KEY,
    ods               TEXT NOT NULL,
    version           INTEGER NOT NULL,
    by_issuer         TEXT NOT NULL,
    by_subject        TEXT NOT NULL,
    by_organisation   TEXT,
    began_at          INTEGER NOT NULL,
    done              INTEGER NOT NULL,
    total             INTEGER NOT NULL,
    heard_at          INTEGER NOT NULL,
    ended_at          INTEGER,
    verdict           TEXT,
    report            TEXT
) STRICT;
CREATE INDEX probe_ods ON probe (ods, began_at);
