-- Order per patient, the weekly budget and the distance between texts.

ALTER TABLE messages ADD COLUMN after_key text; -- the message of the same subject that has to end first
CREATE INDEX messages_by_number ON messages (number, ended_at) WHERE number IS NOT NULL;
