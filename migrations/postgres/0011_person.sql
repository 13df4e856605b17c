-- Who people are, as their last sign-in told: what they are called, and the role that they have now. Sessions that say
-- another role end, and who may run procedures can be handed something. Nobody is here who has not signed in since this
-- table was made: until they do they are not offered to others and make no tokens, and their session goes on to its end.
CREATE TABLE person (
    subject TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    -- Empty where they were turned away because no group of theirs has a role.
    role TEXT CHECK (role IN ('viewer', 'operator', 'approver', 'admin')),
    -- When that was known.
    at BIGINT NOT NULL
);

CREATE INDEX person_at ON person (at);
