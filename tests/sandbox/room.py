"""A running sandbox, somebody who receives its webhooks, and clients of it."""

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from sandbox.server import running_sandbox
from sandbox.settings import SandboxSettings
from tests.waiting import until

ACCOUNT, TOKEN, KEY = "AC" + "1" * 32, "token-of-these-tests", "SG.key-of-these-tests"
OURS, ANA = "+15005550006", "+12125550123"


@dataclass
class Received:
    path: str
    method: str
    headers: dict
    body: bytes
    form: dict
    url: str

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Receiver:
    """The product's side: keeps every request, and answers as it is told, the last answer again and again."""

    url: str = ""
    requests: list[Received] = field(default_factory=list)
    answers: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def answer(self, path, *answers):
        self.answers[path] = [answer if isinstance(answer, tuple) else (200, answer) for answer in answers]

    def at(self, path):
        return [request for request in self.requests if request.path == path]

    def forms(self, path):
        return [request.form for request in self.at(path)]

    async def take(self, request):
        body = await request.read()
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.requests.append(
            Received(request.path, request.method, dict(request.headers), body, form, str(request.url))
        )
        planned = self.answers.get(request.path, [])
        status, text = (planned.pop(0) if len(planned) > 1 else planned[0]) if planned else (204, "")
        return web.Response(status=status, text=text, content_type="text/xml")


@dataclass
class Client:
    """Speaks to the sandbox as the account does, and as a person at the page."""

    sandbox: object
    session: aiohttp.ClientSession

    @property
    def account(self):
        return f"/2010-04-01/Accounts/{ACCOUNT}"

    async def ask(self, method, path, *, user=ACCOUNT, password=TOKEN, **more):
        more["headers"] = {"Authorization": aiohttp.encode_basic_auth(user, password), **more.get("headers", {})}
        async with self.session.request(method, self.sandbox.base_url + path, **more) as response:
            text = await response.text()
            return response.status, json.loads(text) if text.startswith(("{", "[")) else text

    async def text(self, **parameters):
        form = {"To": ANA, "From": OURS, "Body": "Hello", **parameters}
        return await self.ask(
            "POST", f"{self.account}/Messages.json", data={k: v for k, v in form.items() if v is not None}
        )

    async def call(self, **parameters):
        form = {"To": ANA, "From": OURS, **parameters}
        pairs = [(k, v) for k, vs in form.items() if vs is not None for v in (vs if isinstance(vs, list) else [vs])]
        return await self.ask("POST", f"{self.account}/Calls.json", data=pairs)

    async def mail(self, document, *, key=KEY, **more):
        headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
        async with self.session.post(
            f"{self.sandbox.base_url}/v3/mail/send", json=document, headers=headers, **more
        ) as response:
            text = await response.text()
            return response.status, json.loads(text) if text.startswith("{") else text, response.headers

    async def admin(self, method, path, body=None):
        async with self.session.request(method, f"{self.sandbox.base_url}/sandbox/{path}", json=body) as response:
            text = await response.text()
            return response.status, json.loads(text) if text.startswith("{") else text

    async def fault(self, kind, **more):
        status, answer = await self.admin("POST", "faults", {"kind": kind, "count": 1, **more})
        assert status == 201, answer

    def ledger(self, kind):
        return [entry for entry in self.sandbox.ledger.entries if entry["kind"] == kind]

    async def call_status(self, sid, status):
        return await until(lambda: self.sandbox.calls.all[sid].status == status, within=5, what=f"the call {status}")


@asynccontextmanager
async def open_client(receiver=None, **settings):
    given = {"account_sid": ACCOUNT, "auth_token": TOKEN, "port": 0, "step_s": 0.0, "sendgrid_api_key": KEY, **settings}
    if receiver is not None:
        given |= {"inbound_url": f"{receiver.url}/inbound#rc=5&rp=all", "mail_events_url": f"{receiver.url}/events"}
    async with running_sandbox(SandboxSettings(**given)) as sandbox, aiohttp.ClientSession() as session:
        yield Client(sandbox, session)


@asynccontextmanager
async def open_receiver():
    receiver = Receiver()
    application = web.Application()
    application.add_routes([web.route("*", "/{tail:.*}", receiver.take)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield receiver
    await runner.cleanup()
