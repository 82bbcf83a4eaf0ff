-- The disclosure ledger becomes one of several lists that are drawn from the log: beside what left each organisation, what it said of
-- whom it cares for, and what it took back. No released version had the tables before; all of it is drawn anew.
DROP TABLE disclosure;
DROP TABLE disclosure_day;
DROP TABLE disclosure_drawn;

CREATE TABLE ledger (
    organisation TEXT COLLATE "C" NOT NULL,
    list         TEXT COLLATE "C" NOT NULL,     -- disclosure, relationship, recall
    at           BIGINT NOT NULL,
    log          TEXT COLLATE "C" NOT NULL,
    idx          BIGINT NOT NULL,
    PRIMARY KEY (organisation, list, at, log, idx)
);

CREATE TABLE ledger_day (
    organisation TEXT COLLATE "C" NOT NULL,
    list         TEXT COLLATE "C" NOT NULL,
    day          BIGINT NOT NULL,
    part         TEXT COLLATE "C" NOT NULL,     -- to whom ('' is the patient); of what was sent, what became of it
    times        BIGINT NOT NULL,
    items        BIGINT NOT NULL,
    PRIMARY KEY (organisation, list, day, part)
);

-- How far each log has been drawn.
CREATE TABLE ledger_drawn (
    log  TEXT COLLATE "C" PRIMARY KEY,
    size BIGINT NOT NULL
);

-- Whom an objection names, or whose people wrote it down: found by that organisation.
CREATE TABLE consent_concerns (
    organisation TEXT COLLATE "C" NOT NULL,
    at           BIGINT NOT NULL,
    id           TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (organisation, at, id)
);

WITH matter (at, id, named) AS (
    SELECT recorded_at, id, terms::jsonb -> 'covers' FROM consent WHERE version = 1
    UNION ALL
    SELECT recorded_at, id, excepted FROM consent, jsonb_array_elements(terms::jsonb -> 'except') AS excepted WHERE version = 1
)
INSERT INTO consent_concerns (organisation, at, id)
SELECT recorded_organisation, recorded_at, id FROM consent WHERE version = 1 AND recorded_organisation IS NOT NULL
UNION
SELECT source, at, id FROM matter, jsonb_array_elements_text(named -> 'sources') AS source
UNION
SELECT recipient ->> 'organisation', at, id FROM matter, jsonb_array_elements(named -> 'recipients') AS recipient
 WHERE recipient ->> 'organisation' IS NOT NULL
UNION
SELECT scope::jsonb ->> 'Source', recorded_at, id FROM consent
 WHERE version = 1 AND terms IS NULL AND scope::jsonb ->> 'Source' IS NOT NULL;
