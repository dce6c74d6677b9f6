-- What the people who run it look at: who is behind a number, the provider's answers, and quick ways to each.

ALTER TABLE recipients ADD COLUMN time_zone text; -- names no person; the rest of the contact stays sealed
ALTER TABLE attempts ADD COLUMN answered_at timestamptz;

CREATE INDEX recipients_of_patient ON recipients (patient_ref);
CREATE INDEX messages_of_patient ON messages (patient_ref);
CREATE INDEX messages_by_end ON messages (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX messages_waiting ON messages (due_at) WHERE outcome IS NULL;
CREATE INDEX attempts_by_start ON attempts (started_at);
CREATE INDEX receipts_with_code ON receipts (received_at) WHERE error_code IS NOT NULL;
CREATE INDEX inbound_by_time ON inbound (received_at);
CREATE INDEX tasks_of_patient ON staff_tasks (patient_ref);

CREATE VIEW recipients_v1 AS
    SELECT clinic_id, patient_ref, number, time_zone, as_of FROM recipients WHERE patient_ref IS NOT NULL;

CREATE VIEW attempts_v1 AS
    SELECT a.message_id, m.channel, m.clinic_id, a.started_at, a.answered_at, a.result
      FROM attempts a JOIN messages m ON m.id = a.message_id;

CREATE VIEW receipts_v1 AS
    SELECT provider_reference, status, error_code, received_at FROM receipts;

CREATE VIEW pauses_v1 AS
    SELECT scope, cause, since, until, trials FROM pauses;
