-- Incidents: what they are, the alerts that opened them, their runs, notes' attachments and messages. Times are
-- microseconds since 1970; ids are UUIDs as text; JSON is text.

CREATE TABLE incident (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    severity TEXT,
    environment TEXT,
    affected TEXT NOT NULL,
    -- What the runbook promises, as JSON: read once, so that a later edit of the file changes nothing.
    terms TEXT NOT NULL,
    runbook TEXT,
    opened_by_subject TEXT NOT NULL,
    opened_by_name TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    mitigated_at BIGINT,
    resolved_at BIGINT,
    commander_subject TEXT,
    commander_name TEXT,
    latest_update TEXT NOT NULL,
    -- When people were last told how it stands.
    updated_at BIGINT,
    -- Markdown, once somebody has kept it.
    post_mortem TEXT,
    -- SHA-256 of the key in the address under which others may read it.
    share_key TEXT UNIQUE CHECK (length(share_key) = 64),
    CHECK ((commander_subject IS NULL) = (commander_name IS NULL))
);

CREATE INDEX incident_open ON incident (number) WHERE resolved_at IS NULL;

-- What a monitoring system told, once for each fingerprint while its incident is open.
CREATE TABLE alert (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident TEXT NOT NULL REFERENCES incident (id),
    source TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    -- What the source calls the group that it belongs to.
    group_key TEXT NOT NULL,
    name TEXT NOT NULL,
    labels TEXT NOT NULL,
    annotations TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    cleared_at BIGINT,
    UNIQUE (incident, source, fingerprint)
);

CREATE INDEX alert_fingerprint ON alert (source, fingerprint, sequence);
CREATE INDEX alert_group ON alert (source, group_key, sequence);

ALTER TABLE run ADD COLUMN incident TEXT REFERENCES incident (id);
CREATE INDEX run_incident ON run (incident, number);

-- A picture or text that somebody put beside a note.
CREATE TABLE attachment (
    id TEXT NOT NULL PRIMARY KEY,
    run TEXT NOT NULL REFERENCES run (id),
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    bytes BYTEA NOT NULL CHECK (length(bytes) BETWEEN 1 AND 2097152),
    by_subject TEXT NOT NULL,
    by_name TEXT NOT NULL,
    at BIGINT NOT NULL
);

CREATE INDEX attachment_run ON attachment (run, at);

-- What was told to people, and how far it came.
CREATE TABLE message (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    incident TEXT NOT NULL REFERENCES incident (id),
    channel TEXT NOT NULL,
    title TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('trigger', 'acknowledge', 'resolve')),
    by_subject TEXT NOT NULL,
    by_name TEXT NOT NULL,
    at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sending', 'delivered', 'failed', 'unknown')),
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    -- What the other side said, or why it did not arrive.
    remark TEXT,
    ended_at BIGINT,
    -- After how many seconds people were promised to hear again.
    again_after BIGINT,
    CHECK ((state = 'sending') = (ended_at IS NULL))
);

CREATE INDEX message_incident ON message (incident, sequence);
CREATE INDEX message_sending ON message (sequence) WHERE state = 'sending';

-- Procedures that somebody keeps at hand.
CREATE TABLE pin (
    subject TEXT NOT NULL,
    runbook TEXT NOT NULL,
    procedure TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (subject, runbook, procedure)
);

-- The kinds of audit events are rows, so that a new one needs no new check.
CREATE TABLE audit_kind (
    kind TEXT NOT NULL PRIMARY KEY
);

INSERT INTO audit_kind (kind) VALUES
    ('signed-in'),
    ('signed-out'),
    ('sign-in-refused'),
    ('access-refused'),
    ('run-started'),
    ('run-ended'),
    ('step-marked'),
    ('execution-intent'),
    ('execution-outcome'),
    ('stop-requested'),
    ('action-intent'),
    ('action-outcome'),
    ('alert-fired'),
    ('alert-cleared'),
    ('incident-opened'),
    ('incident-acknowledged'),
    ('incident-mitigated'),
    ('incident-resolved'),
    ('incident-reopened'),
    ('incident-changed'),
    ('command-taken'),
    ('command-handed-over'),
    ('status-updated'),
    ('step-claimed'),
    ('step-handed-over'),
    ('choice-made'),
    ('note-written'),
    ('message-intent'),
    ('message-outcome'),
    ('post-mortem-written');

DO $$
DECLARE
    named RECORD;
BEGIN
    -- The checks that list kinds, and the foreign key over them, have names that PostgreSQL chose.
    FOR named IN
        SELECT conname FROM pg_constraint
        WHERE conrelid = 'audit_event'::regclass
            AND ((contype = 'c' AND pg_get_constraintdef(oid) LIKE '%kind%')
                OR (contype = 'f' AND pg_get_constraintdef(oid) LIKE '%completes_kind%'))
    LOOP
        EXECUTE format('ALTER TABLE audit_event DROP CONSTRAINT %I', named.conname);
    END LOOP;
END;
$$;

ALTER TABLE audit_event DROP COLUMN completes_kind;
ALTER TABLE audit_event
    ADD COLUMN incident TEXT,
    ADD COLUMN completes_kind TEXT GENERATED ALWAYS AS (
        CASE WHEN right(kind, 8) = '-outcome' THEN left(kind, -8) || '-intent' END
    ) STORED,
    ADD FOREIGN KEY (kind) REFERENCES audit_kind (kind),
    ADD CHECK ((right(kind, 8) = '-outcome') = (completes IS NOT NULL)),
    ADD CHECK ((right(kind, 8) = '-outcome') = (result IS NOT NULL));
ALTER TABLE audit_event ADD FOREIGN KEY (completes, completes_kind) REFERENCES audit_event (id, kind);

CREATE INDEX audit_event_incident ON audit_event (incident, sequence);
DROP INDEX audit_event_intent;
CREATE INDEX audit_event_intent ON audit_event (sequence)
    WHERE kind IN ('execution-intent', 'action-intent', 'message-intent');
