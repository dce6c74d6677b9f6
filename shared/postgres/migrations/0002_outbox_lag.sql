-- How far the outbox is behind, for whoever watches.

CREATE VIEW outbox_v1 AS
    SELECT count(*) AS waiting, count(*) FILTER (WHERE urgent) AS urgent, min(created_at) AS oldest_at FROM outbox;
