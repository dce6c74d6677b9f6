-- What waits for the provider or for another text to its number: few rows, asked for at every claim.

CREATE INDEX messages_put_off ON messages (retry_at) WHERE state IN ('planned', 'held') AND retry_at > 'epoch';
