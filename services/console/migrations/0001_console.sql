-- Who may look, what they did, and the messages that nobody could handle.

CREATE TABLE people (
    name          text PRIMARY KEY,
    role          text        NOT NULL CHECK (role IN ('viewer', 'operator', 'clinician', 'admin')),
    password_hash text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    disabled_at   timestamptz
);

-- Links, sessions and their times are of the machine, never of the clinical clock. Only digests of the secrets are kept.
CREATE TABLE sign_in_links (
    digest     bytea PRIMARY KEY,
    person     text        NOT NULL,
    role       text        NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

CREATE TABLE sessions (
    digest     bytea PRIMARY KEY,
    person     text        NOT NULL,
    role       text        NOT NULL,
    how        text        NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE sign_in_failures (
    name text        NOT NULL,
    at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX sign_in_failures_by_name ON sign_in_failures (name, at);

CREATE TABLE dead_letters (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue          text        NOT NULL,
    message_id     text        NOT NULL,
    type           text        NOT NULL,
    cause          text        NOT NULL,
    reason         text        NOT NULL,
    attempts       integer     NOT NULL,
    routing_key    text,
    correlation_id text,
    content_type   text,
    body           bytea, -- sealed; gone once it is past its keeping time
    digest         bytea       NOT NULL,
    state          text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replaying', 'replayed', 'discarded')),
    taken_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    times_before   integer     NOT NULL, -- how often the same message was replayed and came back
    decided_at     timestamptz,
    decided_by     text,
    decided_why    text
);
-- A letter that was kept, but not yet acknowledged when the console stopped, comes again: once is enough.
CREATE UNIQUE INDEX dead_letters_open ON dead_letters (queue, message_id, digest) WHERE state = 'open';
CREATE INDEX dead_letters_groups ON dead_letters (queue, cause, reason, id) WHERE state = 'open';
CREATE INDEX dead_letters_replaying ON dead_letters (id) WHERE state = 'replaying';
CREATE INDEX dead_letters_decided ON dead_letters (decided_at DESC) WHERE state IN ('replayed', 'discarded');
CREATE INDEX dead_letters_of_message ON dead_letters (message_id);

CREATE TABLE finished_tasks (
    task_id     text PRIMARY KEY,
    how         text        NOT NULL,
    finished_by text        NOT NULL,
    finished_at timestamptz NOT NULL
);

-- What people did and looked at. Each row holds the digest of the one before it, so that a gap or a change shows.
CREATE TABLE audit (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    person   text        NOT NULL,
    role     text        NOT NULL,
    what     text        NOT NULL,
    target   text,
    detail   text,
    previous bytea,
    digest   bytea       NOT NULL
);
REVOKE UPDATE, DELETE, TRUNCATE ON audit FROM aftercare_console;
