-- Replies that a person is asked to read can be shown: the number that wrote, which question was open, and who looked.

ALTER TABLE replies ADD COLUMN phone bytea; -- sealed; missing in what was kept before, and once it is erased

-- A look is at a case or at a reply.
ALTER TABLE case_looks ALTER COLUMN case_id DROP NOT NULL;
ALTER TABLE case_looks ADD COLUMN provider_reference text;
ALTER TABLE case_looks ADD CONSTRAINT at_one_thing CHECK (num_nonnulls(case_id, provider_reference) = 1);

CREATE VIEW replies_v1 AS
    SELECT r.provider_reference, r.clinic_id, r.patient_ref, r.received_at, r.handled_as, r.reading,
           CASE WHEN starts_with(r.belongs_to, 'ck_') THEN 'checkin' WHEN r.belongs_to IS NOT NULL THEN 'visit'
                END AS asked_about,
           c.instrument, CASE WHEN c.checkin_id IS NOT NULL THEN split_part(r.belongs_to, '/', 2)::integer END AS item
      FROM replies r LEFT JOIN checkins c ON c.checkin_id = split_part(r.belongs_to, '/', 1);
