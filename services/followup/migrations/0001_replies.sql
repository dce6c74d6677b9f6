-- What patients wrote, kept sealed until a person has read it.

CREATE TABLE replies (
    provider_reference text PRIMARY KEY,
    clinic_id          text        NOT NULL,
    patient_ref        text,
    content            bytea       NOT NULL, -- sealed text
    handled_as         text        NOT NULL,
    received_at        timestamptz NOT NULL,
    kept_at            timestamptz NOT NULL,
    task_id            text
);

CREATE VIEW timeline_v1 AS
    SELECT kept_at AS at, 0::bigint AS position, clinic_id, patient_ref, provider_reference, 'reply kept' AS what,
           CASE WHEN task_id IS NULL THEN 'a keyword: nothing to read' ELSE 'a person was asked to read it' END AS detail
      FROM replies;

CREATE VIEW tasks_v1 AS
    SELECT task_id, clinic_id, patient_ref, 'reply_to_read' AS kind,
           jsonb_build_object('provider_reference', provider_reference) AS refs, NULL::timestamptz AS due_by,
           kept_at AS raised_at
      FROM replies WHERE task_id IS NOT NULL;
