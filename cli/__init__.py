"""The aftercare command for people. May use any service; nothing imports it."""
