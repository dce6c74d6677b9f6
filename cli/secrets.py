"""Secrets for a new installation: made up here, never the same twice, with no default anywhere."""

import base64
import secrets
import sys


def sealing_keys(name: str) -> str:
    """Return a setting with one new sealing key of that name."""
    return f"{name}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def account() -> tuple[str, str]:
    """Return the identity and the token of an account at the sandbox."""
    return f"AC{secrets.token_hex(16)}", secrets.token_hex(16)


def new_secrets() -> int:
    """Print an environment file for the compose way of running."""
    sid, token = account()
    sys.stdout.write(
        f"""# Keep it as you would a key (mode 0600, out of version control): whoever has it can read what is sealed.
AFTERCARE_BROKER_PASSWORD={secrets.token_urlsafe(24)}
AFTERCARE_DATABASE_PASSWORD={secrets.token_urlsafe(24)}
AFTERCARE_SEALING_KEYS={sealing_keys("first")}
AFTERCARE_FEED_NATIVE_SECRET={secrets.token_hex(24)}

# An account at the sandbox. For the real Twilio: your own values, and no TWILIO_API_BASE_URL.
TWILIO_ACCOUNT_SID={sid}
TWILIO_AUTH_TOKEN={token}
TWILIO_FROM_NUMBER=+15005550006
TWILIO_API_BASE_URL=http://sandbox:8090
"""
    )
    return 0
