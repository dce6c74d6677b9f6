"""The SQL of followup: one function per statement, sets in and sets out."""
