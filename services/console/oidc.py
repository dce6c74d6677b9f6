"""Signing in through a clinic's own identity provider: OpenID Connect, authorization code with PKCE."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.console.domain.access import Role
from shared.kernel.errors import DependencyUnavailableError, PermanentError

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
_TIMEOUT = aiohttp.ClientTimeout(total=8)
_LEEWAY_S = 60


@dataclass(frozen=True, slots=True)
class Pending:
    """What a browser carries, sealed, while its person is at the identity provider."""

    state: str
    nonce: str
    verifier: str
    goal: str

    def to_text(self) -> str:
        """Return it as text, to be sealed."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Pending":
        """Read what ``to_text`` wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are at the identity provider, and which of its groups may do what here."""

    issuer: str
    client_id: str
    client_secret: str | None
    back: str
    role_claim: str
    roles: Mapping[str, Role]


class IdentityProvider:
    """One issuer. What it publishes about itself is asked for when first needed; its keys at each sign-in."""

    def __init__(self, session: aiohttp.ClientSession, client: Client) -> None:
        self._session = session
        self._client = client
        self._published: dict[str, Any] | None = None

    async def begin(self, goal: str) -> tuple[str, Pending]:
        """Return where to send a browser, and what it is to bring back.

        Raises:
            DependencyUnavailableError: the identity provider does not answer.
        """
        published = await self._discover()
        pending = Pending(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), goal)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(pending.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": self._client.back,
            "scope": "openid profile email",
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{published['authorization_endpoint']}?{urlencode(query)}", pending

    async def finish(self, pending: Pending, *, state: str, code: str) -> tuple[str, Role]:
        """Return the name and the role of whom the identity provider vouches for.

        Raises:
            PermanentError: it does not vouch, or for somebody who has no role here.
            DependencyUnavailableError: it does not answer.
        """
        if not secrets.compare_digest(state.encode(), pending.state.encode()):
            raise PermanentError("The answer belongs to another try to sign in. Begin again.")
        claims = await self._claims(await self._redeem(code, pending.verifier), nonce=pending.nonce)
        name = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])[:100]
        return name, self._role_of(claims)

    def _role_of(self, claims: Mapping[str, Any]) -> Role:
        """Return the role that somebody's groups give: of several, the one that may do most."""
        given = claims.get(self._client.role_claim, [])
        groups = {given} if isinstance(given, str) else set(given) if isinstance(given, list) else set()
        found = [role for group, role in self._client.roles.items() if group in groups]
        if not found:
            raise PermanentError("You are known, but none of your groups has a role here. Ask whoever runs Aftercare.")
        return max(found, key=list(Role).index)

    async def _redeem(self, code: str, verifier: str) -> str:
        published = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.back,
            "client_id": self._client.client_id,
            "code_verifier": verifier,
        }
        if self._client.client_secret:
            form["client_secret"] = self._client.client_secret
        answer = await self._ask("POST", published["token_endpoint"], data=form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise PermanentError("The identity provider does not vouch for you. Begin again.")
        return token

    async def _claims(self, token: str, *, nonce: str) -> Mapping[str, Any]:
        published = await self._discover()
        rules = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self._client.issuer},
            aud={"essential": True, "value": self._client.client_id},
            sub={"essential": True},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            keys = KeySet.import_key_set(await self._ask("GET", published["jwks_uri"]))  # type: ignore[arg-type]
            decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
            rules.validate(decoded.claims)
        except (JoseError, ValueError):
            raise PermanentError("The identity provider's word cannot be believed. Begin again.") from None
        return decoded.claims

    async def _discover(self) -> dict[str, Any]:
        if self._published is None:
            address = f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration"
            published = await self._ask("GET", address)
            if published.get("issuer") != self._client.issuer:
                raise PermanentError("AFTERCARE_OIDC_ISSUER: the identity provider calls itself by another name")
            self._published = published
        return self._published

    async def _ask(self, method: str, address: str, **options: Any) -> dict[str, Any]:
        try:
            async with self._session.request(
                method, address, timeout=_TIMEOUT, allow_redirects=False, **options
            ) as answer:
                if answer.status >= 500:
                    raise DependencyUnavailableError("The identity provider does not answer")
                content = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            raise DependencyUnavailableError("The identity provider does not answer") from None
        if not isinstance(content, dict):
            raise PermanentError("The identity provider answers in a way that we do not understand")
        return content
