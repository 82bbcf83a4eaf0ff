-- What sources have taken back: entries that were wrong, or another patient's. A fact about the patient, under their epoch.
-- Only a table is added: the version before runs on this unchanged, and shows what was taken back until its cache forgets it.

CREATE TABLE recall (
    id               TEXT NOT NULL,
    source           TEXT NOT NULL,
    patient          INTEGER NOT NULL,
    resource_type    TEXT NOT NULL,
    local            TEXT NOT NULL,     -- the source's own id
    reason           TEXT NOT NULL,     -- entered-in-error, wrong-patient
    note             TEXT,
    recorded_issuer  TEXT NOT NULL,
    recorded_subject TEXT NOT NULL,
    at               INTEGER NOT NULL,
    from_epoch       INTEGER NOT NULL,
    until_epoch      INTEGER,
    ended_at         INTEGER,              -- withdrawn: it was this patient's after all
    PRIMARY KEY (id, resource_type, local)
) STRICT;
CREATE INDEX recall_patient ON recall (patient);
