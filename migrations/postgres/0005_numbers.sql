-- Numbers given up for another when two records of one person were merged, as the patient index says it. From then on whatever
-- raises the epoch of one raises all of that person's: when `current` stood at from_epoch + n, `number` stood at
-- number_epoch + n, and so what was in force under either can be told for any epoch of the one in use.
CREATE TABLE superseded_number (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number       bigint NOT NULL,
    current      bigint NOT NULL CHECK (current <> number),
    at           bigint NOT NULL,
    number_epoch bigint NOT NULL,
    from_epoch   bigint NOT NULL,      -- of `current`, as until_epoch is
    ended_at     bigint,               -- the index says otherwise by now
    until_epoch  bigint
);
CREATE UNIQUE INDEX superseded_number_once ON superseded_number (number) WHERE ended_at IS NULL;
CREATE INDEX superseded_number_current ON superseded_number (current);
