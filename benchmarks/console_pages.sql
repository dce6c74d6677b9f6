-- A clinic group after a busy year: 1,000,000 messages of 50,000 patients. Made-up rows; what is sealed is noise.

SELECT setseed(0.5);

INSERT INTO booking_events.patients (patient_ref, clinic_id, contact, as_of)
SELECT 'pt_' || n, 'harbor', '\x00', now() FROM generate_series(1, 50000) AS n;

INSERT INTO booking_events.appointments (clinic_id, source, booking_id, patient_ref, status, ordered_by, order_value, content,
       visit_kind, modality, starts_at, ends_at, first_seen_at, timed_at, changed_at)
SELECT 'harbor', 'ehr', 'bk_' || n, 'pt_' || (1 + n % 50000),
       CASE WHEN n % 5 = 0 THEN 'booked' WHEN n % 11 = 0 THEN 'cancelled' ELSE 'completed' END, 'revision', 1, '', 'infusion',
       'in_person', at, at + interval '2 hours', at - interval '20 days', at - interval '20 days', least(at, now()) - interval '4 minutes'
  FROM (SELECT n, CASE WHEN n % 5 = 0 THEN now() + random() * interval '20 days' ELSE now() - random() * interval '200 days' END AS at
          FROM generate_series(1, 250000) AS n) AS drawn;

INSERT INTO booking_events.history (at, patient_ref, clinic_id, source, booking_id, what, detail)
SELECT first_seen_at, patient_ref, clinic_id, source, booking_id, 'booking.created.v1', 'taken (r1)' FROM booking_events.appointments;

INSERT INTO notifier.recipients (recipient_id, clinic_id, patient_ref, contact, number, time_zone, as_of)
SELECT 'patient:harbor:pt_' || n, 'harbor', 'pt_' || n, '\x00', decode(md5(n::text), 'hex'), 'America/New_York', now()
  FROM generate_series(1, 50000) AS n;

INSERT INTO notifier.messages (subject, key, channel, clinic_id, patient_ref, recipient_id, purpose, urgent, priority, state, send_at,
       expires_at, due_at, reason, attempt, outcome, ended_at, provider_reference, receipt, segments)
SELECT 'reminders:pt_' || p, 'reminder:' || n, 'sms', 'harbor', 'pt_' || p, 'patient:harbor:pt_' || p,
       (ARRAY['reminder_near', 'reminder_far', 'confirmation', 'checkin', 'change_notice'])[1 + n % 5], false, 3, state, at,
       at + interval '20 hours', at,
       CASE state WHEN 'held' THEN (ARRAY['opted_out', 'no_consent', 'no_address', 'outside_window'])[1 + n % 4]
                  WHEN 'failed' THEN (ARRAY['30003', '30005', '30006'])[1 + n % 3] WHEN 'dropped' THEN 'expired' END,
       CASE WHEN state IN ('sent', 'failed') THEN 1 ELSE 0 END,
       CASE WHEN state IN ('planned', 'held') THEN NULL ELSE state END,
       CASE WHEN state IN ('planned', 'held') THEN NULL ELSE at END,
       CASE WHEN state = 'sent' THEN 'SM' || md5(n::text) END,
       CASE WHEN state = 'sent' AND n % 40 <> 0 THEN 'delivered' END, 1
  FROM (SELECT n, 1 + n % 50000 AS p, state,
               CASE WHEN state IN ('planned', 'held') THEN now() + random() * interval '6 days'
                    WHEN n % 200 = 7 THEN now() - random() * interval '1 hour' ELSE now() - random() * interval '200 days' END AS at
          FROM (SELECT n, CASE WHEN n % 25 = 0 THEN 'planned' WHEN n % 500 = 1 THEN 'held' WHEN n % 90 = 2 THEN 'failed'
                               WHEN n % 130 = 3 THEN 'dropped' ELSE 'sent' END AS state
                  FROM generate_series(1, 1000000) AS n) AS stated) AS drawn
 ORDER BY drawn.at;

-- A part of it is held because a person paused the clinic, and many a patient has opted out.
UPDATE notifier.messages SET state = 'held', reason = 'paused' WHERE state = 'planned' AND id % 4 = 0;
INSERT INTO notifier.pauses (scope, cause, paused_by) VALUES ('clinic:harbor', 'wrong_bookings', 'nina');
INSERT INTO notifier.suppressions (sender, number, kind, since, how)
SELECT '+12125550199', decode(md5(n::text), 'hex'), 'all', now() - interval '30 days', 'keyword' FROM generate_series(7, 50000, 10) AS n;

INSERT INTO notifier.history (at, message_id, what, detail)
SELECT coalesce(ended_at, now()) - interval '1 day', id, 'planned', 'revision 1' FROM notifier.messages
UNION ALL SELECT ended_at, id, state, coalesce(reason, provider_reference) FROM notifier.messages WHERE ended_at IS NOT NULL;

INSERT INTO notifier.attempts (token, message_id, number_of_attempt, started_at, answered_at, body_hash, result)
SELECT 'a' || id, id, 1, ended_at, ended_at + (0.08 + random() * 0.3) * interval '1 second', '\x00', 'Accepted'
  FROM notifier.messages WHERE state = 'sent';

INSERT INTO notifier.receipts (provider_reference, status, error_code, received_at)
SELECT 'SM' || md5(n::text), 'undelivered', (ARRAY['30003', '30005', '30007'])[1 + n % 3], now() - random() * interval '200 days'
  FROM generate_series(1, 100000) AS n;

INSERT INTO notifier.staff_tasks (task_id, clinic_id, patient_ref, kind, refs, due_by, raised_at)
SELECT 'task' || n, 'harbor', 'pt_' || n, (ARRAY['number_unusable', 'patient_not_reached', 'wrong_number'])[1 + n % 3], '{}',
       now() + (n % 48 - 4) * interval '1 hour', now() - interval '3 hours'
  FROM generate_series(1, 5000) AS n;
INSERT INTO console.finished_tasks (task_id, how, finished_by, finished_at)
SELECT 'task' || n, 'patient_reached', 'nina', now() - interval '1 hour' FROM generate_series(41, 5000) AS n;

INSERT INTO followup.patients (patient_ref, clinic_id) SELECT 'pt_' || n, 'harbor' FROM generate_series(1, 50000) AS n;

INSERT INTO followup.checkins (checkin_id, clinic_id, patient_ref, infusion_id, moment, status, instrument, version, due_at, useless_at,
       first_sent_at, ended_at)
SELECT 'ck_' || n, 'harbor', 'pt_' || (1 + n % 50000), 'inf_' || n, (ARRAY['home_safe', 'day_1', 'day_3', 'day_7'])[1 + n % 4],
       CASE WHEN n % 4 = 0 THEN 'expired' WHEN n % 50 = 1 THEN 'asking' ELSE 'completed' END, 'mood', '1', at, at + interval '1 day', at,
       CASE WHEN n % 50 = 1 THEN NULL ELSE at + interval '1 hour' END
  FROM (SELECT n, now() - random() * interval '200 days' AS at FROM generate_series(1, 200000) AS n) AS drawn;

INSERT INTO followup.scores (score_id, clinic_id, patient_ref, taken_by, moment, instrument, version, score, total, at)
SELECT 'sc_' || n, 'harbor', 'pt_' || (1 + n % 20000), 'checkin', 'day_7', CASE WHEN n % 3 = 0 THEN 'phq9' ELSE 'mood' END, '1',
       '{"band": "moderate", "trend": "better", "change_abs": -4}',
       CASE WHEN n % 3 = 0 THEN greatest(2, 22 - n / 20000 * 2 + n % 4) ELSE least(10, 3 + n / 25000 + n % 2) END,
       now() - (200 - n / 1000.0) * interval '1 day'
  FROM generate_series(1, 200000) AS n;

INSERT INTO followup.cases (case_id, clinic_id, thread, patient_ref, tier, rules, opened_at, clock_at, acknowledge_by, acknowledged_at,
       acknowledged_by, closed_at, closed_by, disposition)
SELECT 'harb-' || lpad(to_hex(n), 10, '0'), 'harbor', 'pt_' || n, 'pt_' || n, (ARRAY['S1', 'S2', 'S3', 'M'])[1 + n % 4], '{plan}', at, at,
       at + interval '15 minutes', CASE WHEN n > 1 THEN at + interval '4 minutes' END, CASE WHEN n > 1 THEN 'dr.osei' END,
       CASE WHEN n > 3 THEN at + interval '40 minutes' END, CASE WHEN n > 3 THEN 'dr.osei' END, CASE WHEN n > 3 THEN 'reached_safe' END
  FROM (SELECT n, now() - (n * 7 + 4) * interval '1 minute' AS at FROM generate_series(1, 2000) AS n) AS drawn;

INSERT INTO console.audit (at, person, role, what, target, digest)
SELECT now() - n * interval '1 minute', 'nina', 'operator', 'looked somebody up', 'pt_' || n, '\x00' FROM generate_series(1, 50000) AS n;

INSERT INTO console.dead_letters (queue, message_id, type, cause, reason, attempts, body, digest, times_before)
SELECT 'booking_events', 'm' || n, 'booking.created.v1', 'refused',
       (ARRAY['data.starts_at: needs a UTC offset, for example 2026-12-01T10:00:00-05:00', 'data.consent: Field required',
              'data.clinic_id: no clinic of that id stands in the clinic file'])[1 + n % 3], 1, '\x00', decode(md5(n::text), 'hex'), 0
  FROM generate_series(1, 5000) AS n;

ANALYZE;
