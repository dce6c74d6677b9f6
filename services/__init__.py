"""One package per service. They share nothing but messages and the shared library."""
