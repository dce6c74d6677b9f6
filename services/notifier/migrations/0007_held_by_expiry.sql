-- The work list of what is held, in the order in which it becomes useless.

CREATE INDEX messages_held ON messages (expires_at, subject, key) WHERE state = 'held';
