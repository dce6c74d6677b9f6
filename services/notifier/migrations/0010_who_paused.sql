-- Who asked for a pause, and what bars a patient's number: the window shows both.

ALTER TABLE pauses ADD COLUMN paused_by text;

CREATE OR REPLACE VIEW pauses_v1 AS
    SELECT scope, cause, since, until, trials, paused_by FROM pauses;

CREATE VIEW barred_v1 AS
    SELECT r.clinic_id, r.patient_ref, s.kind, s.how, s.since
      FROM recipients r JOIN suppressions s ON s.number = r.number
     WHERE r.patient_ref IS NOT NULL;

-- What waits because a person paused its clinic is counted by clinic.
CREATE INDEX messages_paused ON messages (clinic_id) WHERE state = 'held' AND reason = 'paused';
CREATE INDEX suppressions_of_number ON suppressions (number);
