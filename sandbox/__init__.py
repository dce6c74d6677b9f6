"""A stand-in for Twilio: its paths, its validation, its signatures, faults on demand, and phones to look at.

Shares no code with the services: it is the judge of what they send. It keeps numbers and texts in clear, on purpose,
and must never see a real patient.
"""
