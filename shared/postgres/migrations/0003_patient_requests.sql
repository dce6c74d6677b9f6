-- What people asked for about a patient, and what this service did about it. Kept for good; the content only until it
-- has been fetched.
CREATE TABLE patient_requests (
    request_id  text PRIMARY KEY,
    kind        text        NOT NULL CHECK (kind IN ('export', 'erase', 'correct')),
    clinic_id   text        NOT NULL,
    patient_ref text        NOT NULL,
    who         text        NOT NULL,
    done_at     timestamptz NOT NULL,
    counts      jsonb       NOT NULL DEFAULT '{}',
    content     bytea -- sealed: an export, as JSON
);
