"""Decides what a patient should be told about an appointment.

Reads ``booking.*.v1`` (from RabbitMQ, or by signed webhook), ``message.sent.v1``, ``reply.read.v1``,
``recipient.opted_out.v1`` and ``patient.*.v1``; keeps appointments in the order of their revisions. Writes
``messages.plan.v1`` with one plan per patient (subject ``reminders:<patient_ref>``) and one per answer (``answers:``,
or ``accepted:``), ``patient.infusions.v1``, ``appointment.*.v1``, ``clinic.pause.v1`` and ``staff.task.raised.v1``.
Owns the schema ``booking_events``.
"""
