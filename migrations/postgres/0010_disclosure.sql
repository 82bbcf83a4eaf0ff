-- What left each source, drawn from the log a moment after: where in the log it stands, and sums by day. What it says can be drawn
-- again from the log at any time (delete all three and begin anew).
CREATE TABLE disclosure (
    source TEXT COLLATE "C" NOT NULL,
    at     BIGINT NOT NULL,
    log    TEXT COLLATE "C" NOT NULL,
    idx    BIGINT NOT NULL,
    PRIMARY KEY (source, at, log, idx)
);

CREATE TABLE disclosure_day (
    source    TEXT COLLATE "C" NOT NULL,
    day       BIGINT NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,     -- '' is the patient
    releases  BIGINT NOT NULL,
    items     BIGINT NOT NULL,
    PRIMARY KEY (source, day, recipient)
);

-- How far each log has been drawn.
CREATE TABLE disclosure_drawn (
    log  TEXT COLLATE "C" PRIMARY KEY,
    size BIGINT NOT NULL
);
