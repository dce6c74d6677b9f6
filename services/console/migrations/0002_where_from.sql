-- Whose message a dead letter was, as far as it says so itself; and booking feeds that a person has said are over.

ALTER TABLE dead_letters ADD COLUMN source text, ADD COLUMN clinic_id text;
CREATE INDEX dead_letters_by_source ON dead_letters (source, clinic_id) WHERE state = 'open';

CREATE TABLE ended_feeds (
    clinic_id text        NOT NULL,
    source    text        NOT NULL,
    ended_by  text        NOT NULL,
    ended_at  timestamptz NOT NULL, -- clinical time: what is heard of the feed later begins it anew
    PRIMARY KEY (clinic_id, source)
);
