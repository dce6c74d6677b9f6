"""What the services have in common: the wire contract and the machinery around a handler. Never imports a service."""
