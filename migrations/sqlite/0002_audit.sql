-- The audit trail: rows that never change. An outcome is a row of its own that names the intent it completes.

CREATE TABLE audit_event (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN (
        'signed-in', 'signed-out', 'sign-in-refused', 'access-refused', 'run-started', 'run-ended', 'step-marked',
        'execution-intent', 'execution-outcome', 'stop-requested', 'action-intent', 'action-outcome'
    )),
    actor_subject TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    actor_address TEXT,
    completes TEXT,
    -- The kind that the completed row must have; the foreign key below compares it.
    completes_kind TEXT GENERATED ALWAYS AS (
        CASE kind WHEN 'execution-outcome' THEN 'execution-intent' WHEN 'action-outcome' THEN 'action-intent' END
    ) STORED,
    parent TEXT REFERENCES audit_event (id),
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
    FOREIGN KEY (completes, completes_kind) REFERENCES audit_event (id, kind),
    CHECK ((kind IN ('execution-outcome', 'action-outcome')) = (completes IS NOT NULL)),
    CHECK ((kind IN ('execution-outcome', 'action-outcome')) = (result IS NOT NULL)),
    CHECK ((result IS NULL) = (duration_ms IS NULL)),
    CHECK ((result IS NULL) = (output_bytes IS NULL)),
    CHECK (result IS NOT NULL OR (exit_code IS NULL AND output_digest IS NULL)),
    CHECK ((verdict IS NULL) = (rule IS NULL)),
    CHECK ((runbook IS NULL) = (runbook_hash IS NULL)),
    CHECK ((runbook IS NULL) = (procedure IS NULL)),
    CHECK (runbook IS NOT NULL OR (runbook_commit IS NULL AND part IS NULL))
) STRICT;

-- An intent ends once.
CREATE UNIQUE INDEX audit_event_completes ON audit_event (completes);
CREATE INDEX audit_event_intent ON audit_event (sequence) WHERE kind IN ('execution-intent', 'action-intent');
CREATE INDEX audit_event_at ON audit_event (at);
CREATE INDEX audit_event_actor ON audit_event (actor_subject, sequence);
CREATE INDEX audit_event_runbook ON audit_event (runbook, sequence);
CREATE INDEX audit_event_environment ON audit_event (environment, sequence);
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
