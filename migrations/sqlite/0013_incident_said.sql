-- How bad the worst alert said that it is, by rank, also of alerts that are not kept: one that is no worse changes nothing.
ALTER TABLE incident ADD COLUMN worst_said INTEGER CHECK (worst_said BETWEEN 0 AND 255);
