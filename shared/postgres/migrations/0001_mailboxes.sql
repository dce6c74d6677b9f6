-- The inbox and outbox that every service has, in the service's own schema.

CREATE TABLE inbox (
    source     text        NOT NULL,
    id         text        NOT NULL,
    digest     bytea       NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, id)
);
CREATE INDEX inbox_by_age ON inbox (handled_at);

CREATE TABLE outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    urgent      boolean     NOT NULL,
    routing_key text        NOT NULL,
    message_id  text        NOT NULL,
    body        bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    retry_at    timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
CREATE INDEX outbox_urgent ON outbox (id) WHERE urgent;
