-- When a message last reached people: from then on they wait for the next one.
ALTER TABLE incident ADD COLUMN told_at INTEGER;
