-- As for PostgreSQL, where the comments say what it is for.
CREATE TABLE superseded_number (
    id           INTEGER PRIMARY KEY,
    number       INTEGER NOT NULL,
    current      INTEGER NOT NULL CHECK (current <> number),
    at           INTEGER NOT NULL,
    number_epoch INTEGER NOT NULL,
    from_epoch   INTEGER NOT NULL,
    ended_at     INTEGER,
    until_epoch  INTEGER
) STRICT;
CREATE UNIQUE INDEX superseded_number_once ON superseded_number (number) WHERE ended_at IS NULL;
CREATE INDEX superseded_number_current ON superseded_number (current);
