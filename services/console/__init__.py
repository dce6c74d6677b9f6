"""The window for the people who run Aftercare.

Reads every service's published views and takes each dead letter off the ``*.dlq`` queues into a table of its own; acts
only by messages on the queue (``staff.task.done.v1``, ``safety.acknowledge.v1``, ``safety.close.v1``,
``clinic.pause.v1``, ``clinic.resume.v1``, ``provider.try.v1``, a dead letter sent back). Keeps who did and looked at
what. Owns the schema ``console``.
"""
