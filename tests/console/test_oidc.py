"""Signing in through an identity provider that the test starts: real keys, real redirects, and what must be refused."""

import base64
import hashlib
import time
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

from shared.web.server import serving
from tests.console.room import open_console

KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
OTHER = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
ROLES = "ops=operator,doctors=clinician"


class Issuer:
    """An identity provider that says what it is told to say."""

    def __init__(self):
        self.url = ""
        self.key = KEY
        self.claims = {}
        self.asked = {}

    def routes(self):
        return [
            web.get("/.well-known/openid-configuration", self.about),
            web.get("/keys", self.keys),
            web.get("/authorize", self.authorize),
            web.post("/token", self.token),
        ]

    async def about(self, _request):
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
            }
        )

    async def keys(self, _request):
        return web.json_response({"keys": [KEY.as_dict(private=False)]})

    async def authorize(self, request):
        self.asked = dict(request.query)
        target = f"{request.query['redirect_uri']}?code=c1&state={request.query['state']}"
        raise web.HTTPSeeOther(target)

    async def token(self, request):
        form = await request.post()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        assert challenge.decode() == self.asked["code_challenge"]
        assert form["client_secret"] == "s3cret"
        claims = {
            "iss": self.url,
            "aud": "aftercare",
            "sub": "u1",
            "exp": int(time.time()) + 60,
            "nonce": self.asked["nonce"],
            "preferred_username": "dr.osei",
            "groups": ["doctors", "ops", "choir"],
        } | self.claims
        return web.json_response({"id_token": jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.key)})


@pytest.fixture
async def issuer():
    issuer = Issuer()
    application = web.Application()
    application.add_routes(issuer.routes())
    async with serving(application, host="127.0.0.1", port=0) as port:
        issuer.url = f"http://127.0.0.1:{port}"
        yield issuer


@pytest.fixture
async def console(issuer, database_url, amqp_url, sealer):
    async with open_console(
        database_url,
        amqp_url,
        sealer,
        oidc_issuer=issuer.url,
        oidc_client_id="aftercare",
        oidc_client_secret="s3cret",
        oidc_roles=ROLES,
    ) as opened:
        yield opened


@asynccontextmanager
async def browser(console):
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def come_in(console, session, *, state=None):
    """Go the whole way round, as a browser does; return the last answer's status and text."""
    async with session.get(f"{console.url}/sign-in/with?next=/runbook", allow_redirects=False) as answer:
        away = answer.headers["Location"]
    async with session.get(away, allow_redirects=False) as answer:
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
    back = {"code": query["code"][0], "state": state or query["state"][0]}
    async with session.get(f"{console.url}/sign-in/back", params=back) as answer:
        return answer.status, await answer.text()


async def test_whom_the_provider_vouches_for_comes_in_with_the_best_of_their_roles(console, issuer):
    async with browser(console) as session:
        status, page = await come_in(console, session)
        assert status == 200
        assert "url=/runbook" in page
        async with session.get(f"{console.url}/runbook", allow_redirects=False) as answer:
            text = await answer.text()
    assert "dr.osei" in text
    assert "clinician" in text
    assert issuer.asked["code_challenge_method"] == "S256"
    (row,) = await console.rows("SELECT person, role, what FROM console.audit")
    assert row == {"person": "dr.osei", "role": "clinician", "what": "signed in by identity provider"}


async def test_a_word_that_cannot_be_believed_lets_nobody_in(console, issuer):
    wrong = [
        ({"nonce": "another"}, KEY),
        ({"aud": "somebody-else"}, KEY),
        ({"iss": "https://evil.example"}, KEY),
        ({"exp": int(time.time()) - 3600}, KEY),
        ({"groups": ["choir"]}, KEY),
        ({"groups": None}, KEY),
        ({}, OTHER),
    ]
    for issuer.claims, issuer.key in wrong:
        async with browser(console) as session:
            status, _page = await come_in(console, session)
            assert status == 400, issuer.claims
    assert await console.rows("SELECT 1 FROM console.sessions") == []


async def test_an_answer_to_somebody_elses_question_lets_nobody_in(console, issuer):
    async with browser(console) as session:
        assert (await come_in(console, session, state="forged"))[0] == 400
    async with browser(console) as stranger, stranger.get(f"{console.url}/sign-in/back?code=c&state=s") as answer:
        assert answer.status == 400
    assert await console.rows("SELECT 1 FROM console.sessions") == []
