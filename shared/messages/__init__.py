"""The wire contract: the envelope, one module per group of message types, and the catalogue."""
