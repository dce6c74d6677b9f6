-- The trace in which a message was planned: it is sent hours later, by a process that knows nothing else of it.

ALTER TABLE message_bodies ADD COLUMN traceparent text;
