-- The locator: who holds anything about whom. What a provider sent, and what was learned by asking it, stand beside each other.
-- It decides whom to ask and never what may be shown: no epoch.
CREATE TABLE presence (
    patient BIGINT NOT NULL,
    source  TEXT NOT NULL,
    sent    BOOLEAN NOT NULL,
    present BOOLEAN NOT NULL,
    at      BIGINT NOT NULL,
    until   BIGINT NOT NULL,
    PRIMARY KEY (patient, source, sent)
);
