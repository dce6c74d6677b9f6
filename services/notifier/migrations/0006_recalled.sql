-- Texts that the provider has and we have forgotten: the database was put back to an earlier state (RELIABILITY.md F24).

CREATE TABLE recalled (
    provider_reference text PRIMARY KEY,
    number             bytea NOT NULL,
    body_hash          bytea NOT NULL,
    created_at         timestamptz NOT NULL -- at the provider
);
CREATE INDEX recalled_number ON recalled (number);
