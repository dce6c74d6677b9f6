-- When a value was last said: replies can overtake each other, and one said again outlives what came between.

ALTER TABLE answers ADD COLUMN last_said_at timestamptz;
UPDATE answers SET last_said_at = received_at;
ALTER TABLE answers ALTER COLUMN last_said_at SET NOT NULL;
