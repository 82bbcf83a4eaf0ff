-- The disclosure ledger becomes one of several lists that are drawn from the log: beside what left each organisation, what it said of
-- whom it cares for, and what it took back. No released version had the tables before; all of it is drawn anew.
DROP TABLE disclosure;
DROP TABLE disclosure_day;
DROP TABLE disclosure_drawn;

CREATE TABLE ledger (
    organisation TEXT NOT NULL,
    list         TEXT NOT NULL,     -- disclosure, relationship, recall
    at           INTEGER NOT NULL,
    log          TEXT NOT NULL,
    idx          INTEGER NOT NULL,
    PRIMARY KEY (organisation, list, at, log, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_day (
    organisation TEXT NOT NULL,
    list         TEXT NOT NULL,
    day          INTEGER NOT NULL,
    part         TEXT NOT NULL,     -- to whom ('' is the patient); of what was sent, what became of it
    times        INTEGER NOT NULL,
    items        INTEGER NOT NULL,
    PRIMARY KEY (organisation, list, day, part)
) STRICT;

-- How far each log has been drawn.
CREATE TABLE ledger_drawn (
    log  TEXT NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL
) STRICT;

-- Whom an objection names, or whose people wrote it down: found by that organisation.
CREATE TABLE consent_concerns (
    organisation TEXT NOT NULL,
    at           INTEGER NOT NULL,
    id           TEXT NOT NULL,
    PRIMARY KEY (organisation, at, id)
) STRICT, WITHOUT ROWID;

WITH matter (at, id, named) AS (
    SELECT recorded_at, id, json_extract(terms, '$.covers') FROM consent WHERE version = 1
    UNION ALL
    SELECT c.recorded_at, c.id, excepted.value FROM consent AS c, json_each(c.terms, '$.except') AS excepted WHERE c.version = 1
)
INSERT INTO consent_concerns (organisation, at, id)
SELECT recorded_organisation, recorded_at, id FROM consent WHERE version = 1 AND recorded_organisation IS NOT NULL
UNION
SELECT source.value, m.at, m.id FROM matter AS m, json_each(m.named, '$.sources') AS source
UNION
SELECT json_extract(recipient.value, '$.organisation'), m.at, m.id
  FROM matter AS m, json_each(m.named, '$.recipients') AS recipient
 WHERE json_extract(recipient.value, '$.organisation') IS NOT NULL
UNION
SELECT json_extract(scope, '$.Source'), recorded_at, id FROM consent
 WHERE version = 1 AND terms IS NULL AND json_extract(scope, '$.Source') IS NOT NULL;
