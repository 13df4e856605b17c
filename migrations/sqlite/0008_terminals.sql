-- What a program printed to a terminal, and the sizes that this had. Everything else is of a stream alone.
ALTER TABLE output_chunk ADD COLUMN terminal TEXT CHECK (terminal IN ('printed', 'size'));

-- Which executions had one.
CREATE INDEX output_chunk_terminal ON output_chunk (run, execution) WHERE terminal = 'size';
