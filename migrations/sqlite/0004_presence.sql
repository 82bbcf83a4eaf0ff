-- The locator: who holds anything about whom. What a provider sent, and what was learned by asking it, stand beside each other.
-- It decides whom to ask and never what may be shown: no epoch.
CREATE TABLE presence (
    patient INTEGER NOT NULL,
    source  TEXT NOT NULL,
    sent    INTEGER NOT NULL,
    present INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    until   INTEGER NOT NULL,
    PRIMARY KEY (patient, source, sent)
) STRICT;
