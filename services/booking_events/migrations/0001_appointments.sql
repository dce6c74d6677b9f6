-- Patients, their appointments, what they have been told, and what people have to do.

CREATE TABLE patients (
    patient_ref   text PRIMARY KEY,
    clinic_id     text        NOT NULL,
    contact       bytea       NOT NULL, -- sealed: phone, e-mail, name, language, zone, consent
    as_of         timestamptz NOT NULL,
    plan_revision bigint      NOT NULL DEFAULT 0,
    plan_digest   text
);

-- A patient is found again by the source's id, an address or a number: only keyed hashes of them stand here.
CREATE TABLE aliases (
    alias       bytea PRIMARY KEY,
    patient_ref text NOT NULL REFERENCES patients ON DELETE CASCADE
);
CREATE INDEX aliases_of_patient ON aliases (patient_ref);

CREATE TABLE appointments (
    clinic_id      text        NOT NULL,
    source         text        NOT NULL,
    booking_id     text        NOT NULL,
    patient_ref    text        NOT NULL REFERENCES patients,
    status         text        NOT NULL CHECK (status IN ('booked', 'cancelled', 'completed', 'no_show')),
    ordered_by     text        NOT NULL CHECK (ordered_by IN ('revision', 'occurred_at', 'time')),
    order_value    bigint      NOT NULL,
    content        text        NOT NULL,
    visit_kind     text        NOT NULL,
    modality       text        NOT NULL,
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz,
    series         jsonb,
    first_seen_at  timestamptz NOT NULL,
    timed_at       timestamptz NOT NULL,
    changed_at     timestamptz NOT NULL,
    told_status    text,
    told_starts_at timestamptz,
    told_modality  text,
    told_at        timestamptz,
    PRIMARY KEY (clinic_id, source, booking_id)
);
CREATE INDEX appointments_of_patient ON appointments (patient_ref, starts_at);

-- What a patient will have been told once the message with this key has been sent.
CREATE TABLE tellings (
    patient_ref text        NOT NULL,
    key         text        NOT NULL,
    clinic_id   text        NOT NULL,
    source      text        NOT NULL,
    booking_id  text        NOT NULL,
    status      text        NOT NULL,
    starts_at   timestamptz NOT NULL,
    modality    text        NOT NULL,
    PRIMARY KEY (patient_ref, key, clinic_id, source, booking_id)
);

CREATE TABLE staff_tasks (
    task_id     text PRIMARY KEY,
    clinic_id   text        NOT NULL,
    patient_ref text,
    kind        text        NOT NULL,
    refs        jsonb       NOT NULL,
    due_by      timestamptz,
    raised_at   timestamptz NOT NULL
);

-- What happened, for the one who asks why. Appended to, never changed.
CREATE TABLE history (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    patient_ref text,
    clinic_id   text,
    source      text,
    booking_id  text,
    what        text        NOT NULL,
    detail      text
);
CREATE INDEX history_of_patient ON history (patient_ref, at);
CREATE INDEX history_of_booking ON history (booking_id, at);
REVOKE UPDATE ON history FROM aftercare_booking_events;

-- Published views: what others may read of this schema.
CREATE VIEW timeline_v1 AS
    SELECT at, id AS position, clinic_id, patient_ref, booking_id, what, detail FROM history
    UNION ALL
    SELECT raised_at, 0, clinic_id, patient_ref, refs ->> 'booking_id', 'staff task raised', kind FROM staff_tasks;

CREATE VIEW appointments_v1 AS
    SELECT clinic_id, source, booking_id, patient_ref, status, visit_kind, modality, starts_at, ends_at, changed_at
      FROM appointments;

CREATE VIEW tasks_v1 AS
    SELECT task_id, clinic_id, patient_ref, kind, refs, due_by, raised_at FROM staff_tasks;
