"""The SQL of the notifier: one function per statement, sets in and sets out."""
