"""Asks and understands.

Reads ``message.received.v1`` (queue ``followup.urgent``), keeps every reply sealed, and raises ``staff.task.raised.v1``
for each one that was not a keyword, so that a person reads it. Owns the schema ``followup``.
"""
