"""Decides what a patient should be told about an appointment.

Reads ``booking.*.v1`` (from RabbitMQ, or by signed webhook) and ``message.sent.v1``; keeps appointments in the order of
their revisions; writes ``messages.plan.v1`` with one plan per patient (subject ``reminders:<patient_ref>``) and
``staff.task.raised.v1``. Owns the schema ``booking_events``.
"""
