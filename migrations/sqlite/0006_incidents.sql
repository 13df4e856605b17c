-- Incidents: what they are, the alerts that opened them, their runs, notes' attachments and messages. Times are
-- microseconds since 1970; ids are UUIDs as text; JSON is text.

CREATE TABLE incident (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
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
    started_at INTEGER NOT NULL,
    acknowledged_at INTEGER,
    mitigated_at INTEGER,
    resolved_at INTEGER,
    commander_subject TEXT,
    commander_name TEXT,
    latest_update TEXT NOT NULL,
    -- When people were last told how it stands.
    updated_at INTEGER,
    -- Markdown, once somebody has kept it.
    post_mortem TEXT,
    -- SHA-256 of the key in the address under which others may read it.
    share_key TEXT UNIQUE CHECK (length(share_key) = 64),
    CHECK ((commander_subject IS NULL) = (commander_name IS NULL))
) STRICT;

CREATE INDEX incident_open ON incident (number) WHERE resolved_at IS NULL;

-- What a monitoring system told, once for each fingerprint while its incident is open.
CREATE TABLE alert (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    incident TEXT NOT NULL REFERENCES incident (id),
    source TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    -- What the source calls the group that it belongs to.
    group_key TEXT NOT NULL,
    name TEXT NOT NULL,
    labels TEXT NOT NULL,
    annotations TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    cleared_at INTEGER,
    UNIQUE (incident, source, fingerprint)
) STRICT;

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
    bytes BLOB NOT NULL CHECK (length(bytes) BETWEEN 1 AND 2097152),
    by_subject TEXT NOT NULL,
    by_name TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX attachment_run ON attachment (run, at);

-- What was told to people, and how far it came.
CREATE TABLE message (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    incident TEXT NOT NULL REFERENCES incident (id),
    channel TEXT NOT NULL,
    title TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('trigger', 'acknowledge', 'resolve')),
    by_subject TEXT NOT NULL,
    by_name TEXT NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sending', 'delivered', 'failed', 'unknown')),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    -- What the other side said, or why it did not arrive.
    remark TEXT,
    ended_at INTEGER,
    -- After how many seconds people were promised to hear again.
    again_after INTEGER,
    CHECK ((state = 'sending') = (ended_at IS NULL))
) STRICT;

CREATE INDEX message_incident ON message (incident, sequence);
CREATE INDEX message_sending ON message (sequence) WHERE state = 'sending';

-- Procedures that somebody keeps at hand.
CREATE TABLE pin (
    subject TEXT NOT NULL,
    runbook TEXT NOT NULL,
    procedure TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (subject, runbook, procedure)
) STRICT;

-- The kinds of audit events are rows, so that a new one needs no new table.
CREATE TABLE audit_kind (
    kind TEXT NOT NULL PRIMARY KEY
) STRICT;

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

-- SQLite cannot change a table's checks: the rows move to a new one, with their places. Dropping the old table asks no
-- trigger.
CREATE TABLE audit_event_new (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL REFERENCES audit_kind (kind),
    actor_subject TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    actor_address TEXT,
    completes TEXT,
    -- The kind that the completed row must have; the foreign key below compares it.
    completes_kind TEXT GENERATED ALWAYS AS (
        CASE WHEN substr(kind, -8) = '-outcome' THEN substr(kind, 1, length(kind) - 8) || '-intent' END
    ) STORED,
    parent TEXT REFERENCES audit_event_new (id),
    incident TEXT,
    run TEXT,
    execution TEXT,
    runbook TEXT,
    runbook_hash TEXT,
    runbook_commit TEXT,
    procedure TEXT,
    part TEXT,
    environment TEXT,
    summary TEXT NOT NULL,
    argv TEXT NOT NULL,
    original TEXT,
    targets TEXT NOT NULL,
    effect TEXT CHECK (effect IN ('read', 'change', 'destroy')),
    verdict TEXT CHECK (verdict IN ('allowed', 'denied', 'refused')),
    rule TEXT,
    result TEXT CHECK (result IN ('passed', 'failed', 'stopped', 'expired', 'refused', 'unknown')),
    exit_code INTEGER,
    duration_ms INTEGER,
    output_digest TEXT,
    output_bytes INTEGER CHECK (output_bytes >= 0),
    -- In lower case, for the page's filters: the person's name; the summary, arguments and targets.
    searched_person TEXT NOT NULL,
    searched_text TEXT NOT NULL,
    UNIQUE (id, kind),
    FOREIGN KEY (completes, completes_kind) REFERENCES audit_event_new (id, kind),
    CHECK ((substr(kind, -8) = '-outcome') = (completes IS NOT NULL)),
    CHECK ((substr(kind, -8) = '-outcome') = (result IS NOT NULL)),
    CHECK ((result IS NULL) = (duration_ms IS NULL)),
    CHECK ((result IS NULL) = (output_bytes IS NULL)),
    CHECK (result IS NOT NULL OR (exit_code IS NULL AND output_digest IS NULL)),
    CHECK ((verdict IS NULL) = (rule IS NULL)),
    CHECK ((runbook IS NULL) = (runbook_hash IS NULL)),
    CHECK ((runbook IS NULL) = (procedure IS NULL)),
    CHECK (runbook IS NOT NULL OR (runbook_commit IS NULL AND part IS NULL))
) STRICT;

INSERT INTO audit_event_new (
    sequence, id, at, kind, actor_subject, actor_name, actor_address, completes, parent, run, execution,
    runbook, runbook_hash, runbook_commit, procedure, part, environment, summary, argv, original, targets,
    effect, verdict, rule, result, exit_code, duration_ms, output_digest, output_bytes, searched_person,
    searched_text
)
SELECT
    sequence, id, at, kind, actor_subject, actor_name, actor_address, completes, parent, run, execution,
    runbook, runbook_hash, runbook_commit, procedure, part, environment, summary, argv, original, targets,
    effect, verdict, rule, result, exit_code, duration_ms, output_digest, output_bytes, searched_person,
    searched_text
FROM audit_event ORDER BY sequence;

DROP TABLE audit_event;
ALTER TABLE audit_event_new RENAME TO audit_event;

-- An intent ends once.
CREATE UNIQUE INDEX audit_event_completes ON audit_event (completes);
CREATE INDEX audit_event_intent ON audit_event (sequence)
    WHERE kind IN ('execution-intent', 'action-intent', 'message-intent');
CREATE INDEX audit_event_at ON audit_event (at);
CREATE INDEX audit_event_actor ON audit_event (actor_subject, sequence);
CREATE INDEX audit_event_runbook ON audit_event (runbook, sequence);
CREATE INDEX audit_event_environment ON audit_event (environment, sequence);
CREATE INDEX audit_event_incident ON audit_event (incident, sequence);
CREATE INDEX audit_event_run ON audit_event (run, sequence);
CREATE INDEX audit_event_execution ON audit_event (execution, sequence);

CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
BEGIN
    SELECT RAISE(ABORT, 'audit events never change');
END;

CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event
BEGIN
    SELECT RAISE(ABORT, 'audit events never change');
END;

-- INSERT OR REPLACE deletes the old row without asking the trigger above (unless recursive_triggers is on), so
-- whatever it could replace is refused here.
CREATE TRIGGER audit_event_no_replace BEFORE INSERT ON audit_event
WHEN EXISTS (
    SELECT 1 FROM audit_event
    WHERE sequence = NEW.sequence OR id = NEW.id OR completes = NEW.completes
)
BEGIN
    SELECT RAISE(ABORT, 'audit events never change, and an intent ends once');
END;
