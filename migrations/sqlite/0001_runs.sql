-- Runs, their executions, marks and output. Times are microseconds since 1970; ids are UUIDs as text; JSON is text.

-- The text of a runbook, once for each hash: a run outlives the next edit of the file.
CREATE TABLE runbook_text (
    hash TEXT NOT NULL PRIMARY KEY CHECK (length(hash) = 64),
    text BLOB NOT NULL
) STRICT;

CREATE TABLE run (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    runbook TEXT NOT NULL,
    runbook_title TEXT NOT NULL,
    version_hash TEXT NOT NULL REFERENCES runbook_text (hash),
    version_commit TEXT,
    procedure TEXT NOT NULL,
    procedure_title TEXT NOT NULL,
    environment TEXT NOT NULL,
    started_by_subject TEXT NOT NULL,
    started_by_name TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'completed', 'abandoned')),
    ended_at INTEGER,
    variables TEXT NOT NULL,
    CHECK ((state = 'open') = (ended_at IS NULL))
) STRICT;

CREATE INDEX run_procedure ON run (runbook, procedure, number);
CREATE INDEX run_started_by ON run (started_by_subject, number);
CREATE INDEX run_open ON run (number) WHERE state = 'open';

CREATE TABLE execution (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    run TEXT NOT NULL REFERENCES run (id),
    command TEXT NOT NULL,
    source TEXT NOT NULL,
    edited INTEGER NOT NULL CHECK (edited IN (0, 1)),
    started_by_subject TEXT NOT NULL,
    started_by_name TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'passed', 'failed', 'stopped', 'expired', 'unknown')),
    ended_at INTEGER,
    exit_code INTEGER,
    note TEXT,
    truncated INTEGER NOT NULL CHECK (truncated IN (0, 1)),
    UNIQUE (id, run),
    CHECK ((state = 'running') = (ended_at IS NULL)),
    CHECK (state <> 'running' OR exit_code IS NULL),
    CHECK (state <> 'passed' OR coalesce(exit_code, 0) = 0)
) STRICT;

-- Two presses of Run at the same instant start it once.
CREATE UNIQUE INDEX execution_running ON execution (run, command) WHERE state = 'running';
CREATE INDEX execution_run ON execution (run, sequence);

CREATE TABLE step_mark (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL REFERENCES run (id),
    part TEXT NOT NULL,
    mark TEXT NOT NULL,
    by_subject TEXT NOT NULL,
    by_name TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX step_mark_run ON step_mark (run, sequence);

CREATE TABLE output_chunk (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL,
    execution TEXT NOT NULL,
    stream TEXT NOT NULL CHECK (stream IN ('stdout', 'stderr')),
    at INTEGER NOT NULL,
    bytes BLOB NOT NULL CHECK (length(bytes) BETWEEN 1 AND 65536),
    FOREIGN KEY (execution, run) REFERENCES execution (id, run)
) STRICT;

CREATE INDEX output_chunk_run ON output_chunk (run, sequence);
CREATE INDEX output_chunk_execution ON output_chunk (execution, sequence);
