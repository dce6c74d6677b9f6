"""Asks and understands: check-ins, scores, and a human when it matters.

Reads ``message.received.v1``, ``safety.acknowledge.v1``, ``safety.close.v1`` and ``page.answered.v1`` (queue
``followup.urgent``), ``patient.infusions.v1``, ``assessment.recorded.v1`` and the outcomes of its own texts (queue
``followup``). Writes ``messages.plan.v1`` (subjects ``checkins:``, ``answers:``, ``safety:`` and ``pages:``),
``checkin.*.v1``, ``safety.alert.*.v1``, ``reply.read.v1``, ``recipient.revoke.v1`` and ``staff.task.raised.v1``.
Owns the schema ``followup``.
"""
