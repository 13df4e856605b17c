-- Sessions of signed-in browsers. The cookie's value is not here: only its SHA-256, so that who reads this table
-- cannot use what it holds.
CREATE TABLE session (
    key TEXT NOT NULL PRIMARY KEY CHECK (length(key) = 64),
    data TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX session_expires_at ON session (expires_at);
