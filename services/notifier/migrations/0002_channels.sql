-- E-mail beside texts, and another channel when the first one fails.

ALTER TABLE messages
    ADD COLUMN fallbacks text[] NOT NULL DEFAULT '{}', -- channels still to be tried after this row's own
    ADD COLUMN chased boolean NOT NULL DEFAULT false;  -- the provider was asked about a receipt that never came
CREATE INDEX messages_sent_at ON messages (ended_at) WHERE outcome = 'sent';

-- What became of an e-mail is told by events that name the attempt, so several may be on their way to one mailbox.
DROP INDEX messages_one_at_a_time;
CREATE UNIQUE INDEX messages_one_at_a_time ON messages (number)
    WHERE state IN ('sending', 'unknown') AND outcome IS NULL AND NOT urgent AND channel <> 'email';

-- Codes of other providers are words.
ALTER TABLE receipts ALTER COLUMN error_code TYPE text;

-- The e-mail provider tells the same thing several times, for a day.
CREATE TABLE email_events (
    event_id    text PRIMARY KEY,
    received_at timestamptz NOT NULL
);
CREATE INDEX email_events_by_age ON email_events (received_at);

COMMENT ON COLUMN suppressions.number IS 'keyed hash of a number or an e-mail address';
COMMENT ON COLUMN suppressions.kind IS 'all: its holder wants nothing more; unusable: the provider says that it leads nowhere';
