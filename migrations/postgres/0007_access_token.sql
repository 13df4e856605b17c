-- Access tokens of programs. A token's text is not here: only its SHA-256, so that who reads this table cannot use what it
-- holds. A token without an owner is a service's.
INSERT INTO audit_kind (kind) VALUES ('token-made'), ('token-revoked');

CREATE TABLE access_token (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL UNIQUE CHECK (length(digest) = 64),
    name TEXT NOT NULL,
    owner_subject TEXT,
    -- What the owner's last sign-in told of them.
    owner_name TEXT,
    owner_role TEXT CHECK (owner_role IN ('viewer', 'operator', 'approver', 'admin')),
    owner_seen_at BIGINT,
    -- Words with a space between.
    scopes TEXT NOT NULL CHECK (scopes <> ''),
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'approver', 'admin')),
    made_by_subject TEXT NOT NULL,
    made_by_name TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    used_at BIGINT,
    CHECK (expires_at > made_at),
    CHECK ((owner_subject IS NULL) = (owner_name IS NULL)),
    CHECK ((owner_subject IS NULL) = (owner_role IS NULL)),
    CHECK ((owner_subject IS NULL) = (owner_seen_at IS NULL))
);
