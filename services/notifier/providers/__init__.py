"""Those who carry our messages, and what their error codes mean."""
