"""Tells and listens: the only service that talks to Twilio and SendGrid, and the only place that holds unsent messages.

Reads ``messages.plan.v1``, commands (``recipient.revoke.v1``, ``clinic.pause.v1``, ``clinic.resume.v1``,
``provider.try.v1``, ``patient.*.v1``), ``message.read.v1`` and the providers' webhooks; makes its table equal to each
plan, judges every message at the moment of sending, sends it at most once, and settles unknown outcomes by evidence.
Writes ``message.*.v1``, ``page.answered.v1``, ``recipient.opted_out.v1`` / ``.opted_in.v1`` and
``staff.task.raised.v1``. Owns the schema ``notifier``.
"""
