-- Who is signed in to the gateway's own pages. `digest` is of the id that their browser holds: whoever reads this table can be
-- nobody by it. `whose` is who they are, as JSON. Of no use once it is over: such rows the gateway itself deletes.
CREATE TABLE page_session (
    digest BLOB NOT NULL PRIMARY KEY,
    whose  TEXT NOT NULL,
    began  INTEGER NOT NULL,
    used   INTEGER NOT NULL,
    ends   INTEGER NOT NULL
) STRICT;
CREATE INDEX page_session_ends ON page_session (ends);

-- Sign-ins that were ended, so that none is twice, on whichever node. Of no use once `until` has passed.
CREATE TABLE sign_in_ticket (
    digest BLOB NOT NULL PRIMARY KEY,
    until  INTEGER NOT NULL
) STRICT;
CREATE INDEX sign_in_ticket_until ON sign_in_ticket (until);
