-- Callers whom a feed's webhook did not let in: a rotated secret or a changed format keeps a feed silent. No content.

CREATE TABLE turned_away (
    feed    text PRIMARY KEY,
    reason  text        NOT NULL,
    since   timestamptz NOT NULL,
    last_at timestamptz NOT NULL
);

CREATE VIEW turned_away_v1 AS
    SELECT feed, reason, since, last_at FROM turned_away;
