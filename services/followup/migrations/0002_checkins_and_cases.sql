-- Patients and their infusions, check-ins and answers, cases and who looked at them.

CREATE TABLE patients (
    patient_ref       text PRIMARY KEY,
    clinic_id         text        NOT NULL,
    contact           bytea, -- sealed: the recipient as the last snapshot tells; missing before the first one
    snapshot_revision bigint      NOT NULL DEFAULT 0,
    next_starts_at    timestamptz
);

CREATE TABLE infusions (
    patient_ref text        NOT NULL REFERENCES patients ON DELETE CASCADE,
    infusion_id text        NOT NULL,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz NOT NULL,
    PRIMARY KEY (patient_ref, infusion_id)
);

-- The newest revision published for each subject of ours.
CREATE TABLE plans (
    subject  text PRIMARY KEY,
    revision bigint NOT NULL
);

CREATE TABLE checkins (
    checkin_id  text PRIMARY KEY,
    clinic_id   text        NOT NULL,
    patient_ref text        NOT NULL REFERENCES patients ON DELETE CASCADE,
    infusion_id text        NOT NULL,
    moment      text        NOT NULL,
    status      text        NOT NULL CHECK (status IN ('planned', 'asking', 'completed', 'expired', 'dropped')),
    due_at      timestamptz NOT NULL,
    useless_at  timestamptz NOT NULL,
    instrument  text,
    version     text,
    language    text        NOT NULL DEFAULT 'en',
    item        integer     NOT NULL DEFAULT 0, -- the item that is open
    asked_at    timestamptz, -- when the open item was planned
    sent_at     timestamptz, -- when its text was sent
    first_sent_at timestamptz,
    nudged      boolean     NOT NULL DEFAULT false,
    clarified   boolean     NOT NULL DEFAULT false,
    handed_over boolean     NOT NULL DEFAULT false,
    next_at     timestamptz, -- when the ticker has to look at it
    ended_at    timestamptz,
    reason      text,
    UNIQUE (patient_ref, infusion_id, moment)
);
CREATE INDEX checkins_due ON checkins (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX checkins_of_patient ON checkins (patient_ref, due_at);

CREATE TABLE answers (
    checkin_id         text        NOT NULL REFERENCES checkins ON DELETE CASCADE,
    item               integer     NOT NULL,
    value              float8      NOT NULL,
    value_to           float8,
    confidence         float8      NOT NULL,
    provider_reference text        NOT NULL,
    received_at        timestamptz NOT NULL,
    latency_s          float8      NOT NULL,
    replaced           jsonb       NOT NULL DEFAULT '[]', -- earlier values, the oldest first
    PRIMARY KEY (checkin_id, item)
);

-- One row per finished instrument, ours or the clinic's own.
CREATE TABLE scores (
    score_id     text PRIMARY KEY, -- the check-in, or the clinic's assessment
    clinic_id    text        NOT NULL,
    patient_ref  text        NOT NULL REFERENCES patients ON DELETE CASCADE,
    taken_by     text        NOT NULL CHECK (taken_by IN ('checkin', 'clinic')),
    moment       text,
    instrument   text        NOT NULL,
    version      text        NOT NULL,
    items        jsonb,
    score        jsonb       NOT NULL,
    total        float8,
    at           timestamptz NOT NULL
);
CREATE INDEX scores_of_patient ON scores (patient_ref, at);

ALTER TABLE replies ADD COLUMN reply_to text NOT NULL DEFAULT '';
ALTER TABLE replies ADD COLUMN reading text;
ALTER TABLE replies ADD COLUMN belongs_to text;
CREATE INDEX replies_of_patient ON replies (patient_ref, received_at);

CREATE TABLE cases (
    case_id         text PRIMARY KEY,
    clinic_id       text        NOT NULL,
    thread          text        NOT NULL, -- the patient, or the number that wrote, or the shift of a test page
    patient_ref     text,
    tier            text        NOT NULL CHECK (tier IN ('S1', 'S2', 'S3', 'M')),
    rules           text[]      NOT NULL,
    opened_at       timestamptz NOT NULL,
    clock_at        timestamptz NOT NULL,
    acknowledge_by  timestamptz,
    next_page_at    timestamptz,
    step            integer     NOT NULL DEFAULT 0,
    paged           text[]      NOT NULL DEFAULT '{}',
    last_paged_at   timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    closed_at       timestamptz,
    closed_by       text,
    disposition     text,
    texted_at       timestamptz,
    texted_tier     text,
    automatic_text  text        NOT NULL DEFAULT 'none',
    is_drill        boolean     NOT NULL DEFAULT false,
    shift_starts_at timestamptz,
    CHECK ((closed_at IS NULL) = (closed_by IS NULL)),
    CHECK ((closed_at IS NULL) = (disposition IS NULL))
);
CREATE UNIQUE INDEX one_open_case ON cases (clinic_id, thread) WHERE closed_at IS NULL AND NOT is_drill; -- S-5
CREATE UNIQUE INDEX one_test_page_a_shift ON cases (clinic_id, shift_starts_at) WHERE is_drill;
CREATE INDEX cases_to_page ON cases (next_page_at) WHERE next_page_at IS NOT NULL;

-- What led to a case: the words and the number, sealed. A row per text or answer.
CREATE TABLE case_words (
    case_id            text        NOT NULL REFERENCES cases ON DELETE CASCADE,
    provider_reference text        NOT NULL,
    at                 timestamptz NOT NULL,
    content            bytea       NOT NULL, -- sealed: text, number
    candidates         text[]      NOT NULL DEFAULT '{}',
    PRIMARY KEY (case_id, provider_reference)
);

-- Who looked at the words. Appended to, never changed.
CREATE TABLE case_looks (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL,
    case_id text        NOT NULL,
    who     text        NOT NULL,
    role    text        NOT NULL,
    allowed boolean     NOT NULL
);
REVOKE UPDATE, DELETE ON case_looks FROM aftercare_followup;

CREATE TABLE staff_tasks (
    task_id     text PRIMARY KEY,
    clinic_id   text        NOT NULL,
    patient_ref text,
    kind        text        NOT NULL,
    refs        jsonb       NOT NULL,
    due_by      timestamptz,
    raised_at   timestamptz NOT NULL,
    done_at     timestamptz
);

-- What happened, for the one who asks why. Appended to, never changed.
CREATE TABLE history (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    clinic_id   text        NOT NULL,
    patient_ref text,
    reference   text,
    what        text        NOT NULL,
    detail      text
);
CREATE INDEX history_of_patient ON history (patient_ref, at);
REVOKE UPDATE ON history FROM aftercare_followup;

DROP VIEW timeline_v1;
DROP VIEW tasks_v1;
ALTER TABLE replies DROP COLUMN task_id;

-- Published views: what others may read of this schema. No words, no numbers.
CREATE VIEW timeline_v1 AS
    SELECT at, id AS position, clinic_id, patient_ref, reference AS provider_reference, what, detail FROM history;

CREATE VIEW tasks_v1 AS
    SELECT task_id, clinic_id, patient_ref, kind, refs, due_by, raised_at, done_at FROM staff_tasks;

CREATE VIEW cases_v1 AS
    SELECT case_id, clinic_id, patient_ref, tier, rules, opened_at, clock_at, acknowledge_by, step, paged,
           acknowledged_at, acknowledged_by, closed_at, closed_by, disposition, automatic_text, is_drill,
           CASE WHEN closed_at IS NOT NULL THEN 'closed' WHEN acknowledged_at IS NOT NULL THEN 'acknowledged'
                ELSE 'open' END AS status
      FROM cases;

CREATE VIEW checkins_v1 AS
    SELECT checkin_id, clinic_id, patient_ref, infusion_id, moment, status, instrument, version, item, due_at,
           useless_at, first_sent_at, nudged, ended_at, reason,
           (SELECT count(*) FROM answers a WHERE a.checkin_id = c.checkin_id) AS answered
      FROM checkins c;

CREATE VIEW scores_v1 AS
    SELECT score_id, clinic_id, patient_ref, taken_by, moment, instrument, version, total, score ->> 'band' AS band,
           score ->> 'direction' AS direction, (score ->> 'baseline_total')::float8 AS baseline_total,
           (score ->> 'change_abs')::float8 AS change_abs, (score ->> 'change_pct')::float8 AS change_pct,
           score ->> 'trend' AS trend, (score ->> 'response')::boolean AS response,
           (score ->> 'remission')::boolean AS remission, (score ->> 'prorated')::boolean AS prorated, at
      FROM scores;
