-- When each feed was last heard of, and quick ways to a booking.

CREATE INDEX appointments_of_booking ON appointments (booking_id);
CREATE INDEX appointments_by_start ON appointments (starts_at);
CREATE INDEX tasks_of_patient ON staff_tasks (patient_ref);
CREATE INDEX tasks_of_booking ON staff_tasks ((refs ->> 'booking_id'));

-- A step per feed instead of a look at every appointment.
CREATE VIEW feeds_v1 AS
    WITH RECURSIVE feeds AS (
        (SELECT clinic_id, source FROM appointments ORDER BY clinic_id, source LIMIT 1)
        UNION ALL
        SELECT next.clinic_id, next.source
          FROM feeds, LATERAL (SELECT a.clinic_id, a.source FROM appointments a
                                WHERE (a.clinic_id, a.source) > (feeds.clinic_id, feeds.source)
                                ORDER BY a.clinic_id, a.source LIMIT 1) AS next
    )
    SELECT clinic_id, source,
           (SELECT max(a.changed_at) FROM appointments a
             WHERE a.clinic_id = feeds.clinic_id AND a.source = feeds.source) AS heard_at
      FROM feeds;
