-- What organisations registered of themselves: every version, who wrote it and who let it in. Rows are never deleted; of a row only
-- its state changes, once or twice.
CREATE TABLE directory_entry (
    listed               TEXT NOT NULL,
    ods                  TEXT NOT NULL,
    version              BIGINT NOT NULL,
    state                TEXT NOT NULL,
    content              TEXT NOT NULL,
    by_issuer            TEXT NOT NULL,
    by_subject           TEXT NOT NULL,
    by_organisation      TEXT,
    by_system            boolean NOT NULL,
    at                   BIGINT NOT NULL,
    decided_issuer       TEXT,
    decided_subject      TEXT,
    decided_organisation TEXT,
    decided_at           BIGINT,
    reason               TEXT,
    -- in force from the global epoch that its own transaction raised, until another's did
    from_epoch           BIGINT,
    until_epoch          BIGINT,
    PRIMARY KEY (listed, ods, version)
);
CREATE INDEX directory_in_force ON directory_entry (from_epoch) WHERE state = 'in-force';

-- How far an endpoint has come: the newest row of an organisation stands.
CREATE TABLE endpoint_stage (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ods             TEXT NOT NULL,
    stages          TEXT NOT NULL,
    reason          TEXT NOT NULL,
    by_issuer       TEXT NOT NULL,
    by_subject      TEXT NOT NULL,
    by_organisation TEXT,
    at              BIGINT NOT NULL,
    from_epoch      BIGINT NOT NULL,
    until_epoch     BIGINT
);
CREATE INDEX endpoint_stage_ods ON endpoint_stage (ods, id);
CREATE UNIQUE INDEX endpoint_stage_now ON endpoint_stage (ods) WHERE until_epoch IS NULL;
