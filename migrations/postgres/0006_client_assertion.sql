-- Assertions by which clients proved who they are, so that none is taken twice, by whichever node. Of no use once `until` has
-- passed: these are the only rows that the gateway itself deletes.
CREATE TABLE client_assertion (
    client TEXT NOT NULL,
    digest BYTEA NOT NULL,
    until  BIGINT NOT NULL,
    PRIMARY KEY (client, digest)
);
CREATE INDEX client_assertion_until ON client_assertion (until);
