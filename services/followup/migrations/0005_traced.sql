-- The trace of the text or answer that opened a case, so that the pages of hours later belong to it.

ALTER TABLE cases ADD COLUMN traceparent text;
