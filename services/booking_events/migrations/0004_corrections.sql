-- Details put right by hand, beside what the booking system says; and patients whose details were erased.
ALTER TABLE patients
    ADD COLUMN corrections  bytea,       -- sealed: per field what it was and what it is to be
    ADD COLUMN corrected_at timestamptz,
    ADD COLUMN erased_at    timestamptz;
