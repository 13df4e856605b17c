-- The calls that bring back what was there before an action, as JSON: asked for before it, and kept with its intent.
ALTER TABLE audit_event ADD COLUMN undo TEXT CHECK (undo IS NULL OR kind = 'action-intent');
CREATE INDEX audit_event_undo ON audit_event (run, sequence) WHERE undo IS NOT NULL;

-- The execution that this one takes back.
ALTER TABLE execution ADD COLUMN undoes TEXT;
