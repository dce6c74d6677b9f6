-- Listening: which texts have been read, what the sweeps have looked at, and which prompts their planner closed.

-- read_at and paged_at are the database's clock: how long a text waits for its reader is real time.
ALTER TABLE inbound
    ADD COLUMN kept_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN read_at  timestamptz,
    ADD COLUMN paged_at timestamptz;
-- What was taken in before there was anything to wait for is not waited for.
UPDATE inbound SET read_at = kept_at;
CREATE INDEX inbound_unread ON inbound (kept_at) WHERE read_at IS NULL AND paged_at IS NULL;

-- A question that its planner closed waits for no answer any more.
ALTER TABLE message_bodies ADD COLUMN is_closed boolean NOT NULL DEFAULT false;

-- When a sweep began its work: what the provider received before belongs to whoever listened then. Database's clock.
CREATE TABLE sweeps (
    name     text PRIMARY KEY,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
