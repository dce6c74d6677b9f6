-- What took place and what was confirmed; what each feed says of how visits end; and what a message lists.

ALTER TABLE patients
    ADD COLUMN infusions_revision bigint NOT NULL DEFAULT 0,
    ADD COLUMN infusions_digest   text;

ALTER TABLE appointments
    ADD COLUMN confirmed_for timestamptz, -- the time that the patient said yes to: a moved visit is open again
    ADD COLUMN past_since    timestamptz, -- when it was first taken to have taken place; stays when that was wrong
    ADD COLUMN assumed_at    timestamptz, -- when it was taken to have taken place, though nobody said so
    ADD COLUMN assume_at     timestamptz; -- when that is due, in clinical time
CREATE INDEX appointments_to_assume ON appointments (assume_at) WHERE assume_at IS NOT NULL;
-- Looked at when a feed cancels or moves: how much of it changed in the last minutes.
CREATE INDEX appointments_by_change ON appointments (clinic_id, source, changed_at);

-- A reminder lists every visit of its day; only the first is told by it.
ALTER TABLE tellings ADD COLUMN tells boolean NOT NULL DEFAULT true;

-- Feeds that say how visits end: nothing is assumed of them.
CREATE TABLE feeds (
    clinic_id  text        NOT NULL,
    source     text        NOT NULL,
    ends_since timestamptz,
    braked_at  timestamptz, -- when its changes were last found unusual
    PRIMARY KEY (clinic_id, source)
);
