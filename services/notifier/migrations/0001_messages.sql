-- Unsent and sent messages, their attempts and receipts, and what patients send back.

-- The newest snapshot of whom to reach. A patient is 'patient:<clinic>:<ref>', staff 'staff:<subject>', the sender of an
-- inbound text 'number:<hash>'.
CREATE TABLE recipients (
    recipient_id text PRIMARY KEY,
    clinic_id    text        NOT NULL,
    patient_ref  text,
    contact      bytea       NOT NULL, -- sealed: phone, e-mail, language, zone, consent
    number       bytea,                -- keyed hash of the phone
    as_of        timestamptz NOT NULL
);
CREATE INDEX recipients_by_number ON recipients (number);

CREATE TABLE plans (
    subject    text PRIMARY KEY,
    revision   bigint      NOT NULL,
    applied_at timestamptz NOT NULL
);

-- Narrow: what is looked at every second. Times are clinical but for retry_at, started_at and look_at, which are the database's.
CREATE TABLE messages (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject            text        NOT NULL,
    key                text        NOT NULL,
    channel            text        NOT NULL CHECK (channel IN ('sms', 'email', 'voice')),
    clinic_id          text        NOT NULL,
    patient_ref        text        NOT NULL,
    recipient_id       text        NOT NULL REFERENCES recipients,
    purpose            text        NOT NULL,
    urgent             boolean     NOT NULL,
    priority           smallint    NOT NULL,
    state              text        NOT NULL
        CHECK (state IN ('planned', 'held', 'sending', 'unknown', 'sent', 'failed', 'dropped', 'withdrawn')),
    wanted             boolean     NOT NULL DEFAULT true,
    send_at            timestamptz NOT NULL,
    expires_at         timestamptz NOT NULL,
    due_at             timestamptz NOT NULL,
    retry_at           timestamptz NOT NULL DEFAULT 'epoch',
    reason             text,
    attempt            integer     NOT NULL DEFAULT 0,
    started_at         timestamptz,
    number             bytea,
    looks              smallint    NOT NULL DEFAULT 0,
    look_at            timestamptz,
    provider_reference text,
    segments           smallint,
    resends            smallint    NOT NULL DEFAULT 0,
    receipt            text,
    outcome            text CHECK (outcome IN ('sent', 'failed', 'dropped', 'withdrawn', 'unknown')),
    ended_at           timestamptz,
    UNIQUE (subject, key, channel), -- a second text is impossible
    CHECK ((outcome IS NULL) = (ended_at IS NULL)),
    CHECK (state NOT IN ('sent', 'failed', 'dropped', 'withdrawn') OR outcome = state)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);

CREATE INDEX messages_due ON messages (due_at) WHERE state IN ('planned', 'held');
CREATE INDEX messages_open ON messages (state) WHERE state IN ('sending', 'unknown') AND outcome IS NULL;
CREATE INDEX messages_of_recipient ON messages (recipient_id);
-- One text at a time per number, so that a listing at the provider can be told apart.
CREATE UNIQUE INDEX messages_one_at_a_time ON messages (number)
    WHERE state IN ('sending', 'unknown') AND outcome IS NULL AND NOT urgent;
CREATE UNIQUE INDEX messages_by_reference ON messages (provider_reference) WHERE provider_reference IS NOT NULL;

CREATE TABLE message_bodies (
    message_id     bigint PRIMARY KEY REFERENCES messages ON DELETE CASCADE,
    template       text  NOT NULL,
    template_values bytea NOT NULL, -- sealed
    expects        jsonb
);

-- One row per request to the provider, written before it is made.
CREATE TABLE attempts (
    token              text PRIMARY KEY,
    message_id         bigint      NOT NULL REFERENCES messages ON DELETE CASCADE,
    number_of_attempt  integer     NOT NULL,
    started_at         timestamptz NOT NULL,
    body_hash          bytea       NOT NULL,
    result             text,
    provider_reference text
);
CREATE INDEX attempts_of_message ON attempts (message_id);

CREATE TABLE receipts (
    provider_reference text        NOT NULL,
    status             text        NOT NULL,
    error_code         integer,
    received_at        timestamptz NOT NULL,
    PRIMARY KEY (provider_reference, status)
);

CREATE TABLE suppressions (
    sender text        NOT NULL,
    number bytea       NOT NULL,
    kind   text        NOT NULL,
    since  timestamptz NOT NULL,
    how    text        NOT NULL,
    PRIMARY KEY (sender, number, kind)
);

-- Nothing leaves for a scope while its row stands: 'provider', or 'clinic:<id>'. until is the database's clock.
CREATE TABLE pauses (
    scope  text PRIMARY KEY,
    cause  text        NOT NULL,
    since  timestamptz NOT NULL DEFAULT clock_timestamp(),
    until  timestamptz,
    trials integer     NOT NULL DEFAULT 0
);

CREATE TABLE inbound (
    provider_reference text PRIMARY KEY,
    clinic_id          text        NOT NULL,
    number             bytea       NOT NULL,
    sender             text        NOT NULL,
    content            bytea       NOT NULL, -- sealed: number and text
    media              smallint    NOT NULL DEFAULT 0,
    handled_as         text        NOT NULL,
    received_at        timestamptz NOT NULL
);
CREATE INDEX inbound_by_number ON inbound (number, received_at);

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
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    message_id bigint      NOT NULL,
    what       text        NOT NULL,
    detail     text
);
CREATE INDEX history_of_message ON history (message_id);
REVOKE UPDATE ON history FROM aftercare_notifier;

-- Published views: what others may read of this schema.
CREATE VIEW timeline_v1 AS
    SELECT h.at, h.id AS position, m.clinic_id, m.patient_ref, m.subject, m.key, m.purpose, m.channel, h.what, h.detail,
           m.provider_reference
      FROM history h JOIN messages m ON m.id = h.message_id
    UNION ALL
    SELECT i.received_at, 0, i.clinic_id, r.patient_ref, NULL, NULL, NULL, 'sms', 'reply received', i.handled_as,
           i.provider_reference
      FROM inbound i LEFT JOIN recipients r ON r.number = i.number AND r.patient_ref IS NOT NULL
    UNION ALL
    SELECT raised_at, 0, clinic_id, patient_ref, NULL, NULL, NULL, NULL, 'staff task raised', kind, NULL FROM staff_tasks;

CREATE VIEW upcoming_v1 AS
    SELECT clinic_id, patient_ref, subject, key, purpose, channel, state, wanted, send_at, due_at, expires_at, reason
      FROM messages WHERE state IN ('planned', 'held', 'sending', 'unknown') AND outcome IS NULL;

CREATE VIEW messages_v1 AS
    SELECT id, clinic_id, patient_ref, subject, key, purpose, channel, state, wanted, outcome, reason, receipt, attempt,
           provider_reference, segments, send_at, expires_at, ended_at
      FROM messages;

CREATE VIEW tasks_v1 AS
    SELECT task_id, clinic_id, patient_ref, kind, refs, due_by, raised_at FROM staff_tasks;
