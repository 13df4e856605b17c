-- What people gave for a run's parameters, by name, as JSON. Secret ones are never here.
ALTER TABLE run ADD COLUMN given TEXT NOT NULL DEFAULT '{}';
