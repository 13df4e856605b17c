-- What the runbook expects of an execution, and whether that is so, as JSON.
ALTER TABLE execution ADD COLUMN findings TEXT NOT NULL DEFAULT '[]';
