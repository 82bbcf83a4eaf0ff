-- What sources have taken back: entries that were wrong, or another patient's. A fact about the patient, under their epoch.
-- Only a table is added: the version before runs on this unchanged, and shows what was taken back until its cache forgets it.

CREATE TABLE recall (
    id               text COLLATE "C" NOT NULL,
    source           text COLLATE "C" NOT NULL,
    patient          bigint NOT NULL,
    resource_type    text COLLATE "C" NOT NULL,
    local            text COLLATE "C" NOT NULL,     -- the source's own id
    reason           text COLLATE "C" NOT NULL,     -- entered-in-error, wrong-patient
    note             text,
    recorded_issuer  text NOT NULL,
    recorded_subject text NOT NULL,
    at               bigint NOT NULL,
    from_epoch       bigint NOT NULL,
    until_epoch      bigint,
    ended_at         bigint,              -- withdrawn: it was this patient's after all
    PRIMARY KEY (id, resource_type, local)
);
CREATE INDEX recall_patient ON recall (patient);
