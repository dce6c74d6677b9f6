"""The only shared room that knows PostgreSQL: pool, unit of work, inbox, outbox, sealing, migrations."""
