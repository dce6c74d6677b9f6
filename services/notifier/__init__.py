"""Tells and listens: the only service that talks to Twilio, and the only place that holds unsent messages.

Reads ``messages.plan.v1`` and the provider's webhooks; makes its table equal to each plan, judges every message at the
moment of sending, sends it at most once, and settles unknown outcomes by evidence. Writes ``message.*.v1``,
``message.received.v1`` and ``recipient.opted_out.v1`` / ``.opted_in.v1``. Owns the schema ``notifier``.
"""
