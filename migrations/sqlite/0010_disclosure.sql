-- What left each source, drawn from the log a moment after: where in the log it stands, and sums by day. What it says can be drawn
-- again from the log at any time (delete all three and begin anew).
CREATE TABLE disclosure (
    source TEXT NOT NULL,
    at     INTEGER NOT NULL,
    log    TEXT NOT NULL,
    idx    INTEGER NOT NULL,
    PRIMARY KEY (source, at, log, idx)
) STRICT;

CREATE TABLE disclosure_day (
    source    TEXT NOT NULL,
    day       INTEGER NOT NULL,
    recipient TEXT NOT NULL,     -- '' is the patient
    releases  INTEGER NOT NULL,
    items     INTEGER NOT NULL,
    PRIMARY KEY (source, day, recipient)
) STRICT;

-- How far each log has been drawn.
CREATE TABLE disclosure_drawn (
    log  TEXT NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL
) STRICT;
