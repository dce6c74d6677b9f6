"""Secrets for a new installation: made up here, never the same twice, with no default anywhere."""

import base64
import secrets
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


def sealing_keys(name: str) -> str:
    """Return a setting with one new sealing key of that name."""
    return f"{name}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def account() -> tuple[str, str]:
    """Return the identity and the token of an account at the sandbox."""
    return f"AC{secrets.token_hex(16)}", secrets.token_hex(16)


def mail_keys() -> tuple[str, str, str]:
    """Return an API key for mail at the sandbox, and the private and public key that it signs mail events with."""
    key = ec.generate_private_key(ec.SECP256R1())
    encoding = serialization.Encoding.DER
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"SG.{secrets.token_urlsafe(24)}", base64.b64encode(private).decode(), base64.b64encode(public).decode()


def new_secrets() -> int:
    """Print an environment file for the compose way of running."""
    sid, token = account()
    api_key, signing_key, public_key = mail_keys()
    sys.stdout.write(
        f"""# Keep it as you would a key (mode 0600, out of version control): whoever has it can read what is sealed.
AFTERCARE_BROKER_PASSWORD={secrets.token_urlsafe(24)}
AFTERCARE_DATABASE_PASSWORD={secrets.token_urlsafe(24)}
AFTERCARE_GRAFANA_PASSWORD={secrets.token_urlsafe(24)}
AFTERCARE_SEALING_KEYS={sealing_keys("first")}
AFTERCARE_FEED_NATIVE_SECRET={secrets.token_hex(24)}
AFTERCARE_FOLLOWUP_TOKEN={secrets.token_hex(24)}

# An account at the sandbox. For the real Twilio: your own values, and no TWILIO_API_BASE_URL.
TWILIO_ACCOUNT_SID={sid}
TWILIO_AUTH_TOKEN={token}
TWILIO_FROM_NUMBER=+15005550006
TWILIO_API_BASE_URL=http://sandbox:8090

# Mail at the sandbox. For the real SendGrid: your own values, no SENDGRID_API_BASE_URL and no signing key.
SENDGRID_API_KEY={api_key}
SENDGRID_FROM_EMAIL=visits@clinic.example
SENDGRID_WEBHOOK_PUBLIC_KEY={public_key}
SENDGRID_API_BASE_URL=http://sandbox:8090
SANDBOX_MAIL_SIGNING_KEY={signing_key}
"""
    )
    return 0
