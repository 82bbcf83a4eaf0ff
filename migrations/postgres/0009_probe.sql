-- Probes of providers' endpoints: begun, how far they have come, and how they ended. One that neither ends nor says anything
-- any more has died with its node. Reports hold nothing of patients.
CREATE TABLE probe (
    id                text PRIMARY KEY,
    ods               text NOT NULL,
    version           bigint NOT NULL,     -- of the registry's entry
    by_issuer         text NOT NULL,
    by_subject        text NOT NULL,
    by_organisation   text,
    began_at          bigint NOT NULL,
    done              bigint NOT NULL,
    total             bigint NOT NULL,
    heard_at          bigint NOT NULL,
    ended_at          bigint,
    verdict           text,                -- passed or failed
    report            text                 -- JSON, as docs/PROBE.md has it
);
CREATE INDEX probe_ods ON probe (ods, began_at);
