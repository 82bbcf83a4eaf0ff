-- Who is signed in to the gateway's own pages. `digest` is of the id that their browser holds: whoever reads this table can be
-- nobody by it. `whose` is who they are, as JSON. Of no use once it is over: such rows the gateway itself deletes.
CREATE TABLE page_session (
    digest BYTEA PRIMARY KEY,
    whose  TEXT NOT NULL,
    began  BIGINT NOT NULL,
    used   BIGINT NOT NULL,
    ends   BIGINT NOT NULL
);
CREATE INDEX page_session_ends ON page_session (ends);

-- Sign-ins that were ended, so that none is twice, on whichever node. Of no use once `until` has passed.
CREATE TABLE sign_in_ticket (
    digest BYTEA PRIMARY KEY,
    until  BIGINT NOT NULL
);
CREATE INDEX sign_in_ticket_until ON sign_in_ticket (until);
