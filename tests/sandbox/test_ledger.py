"""The ledger: appended to, durable, and whole after any end of the process."""

import asyncio
import json
import os
import signal
import sys

import aiohttp
import pytest

from sandbox.ledger import Ledger
from tests.builders import ROOT
from tests.sandbox.room import ACCOUNT, ANA, KEY, OURS, TOKEN, open_client
from tests.sandbox.test_mail import document
from tests.waiting import until

AWKWARD = ["plain", "line\nbreak", "\u2028 and \x85 and \x0b", "ñ 🙂", '{"n": 1}', ""]


def bodies(path):
    ledger = Ledger(path)
    ledger.close()
    return [entry["body"] for entry in ledger.entries]


def test_every_text_comes_back_as_it_was(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    for body in AWKWARD:
        ledger.add("inbound", body=body)
    ledger.close()
    assert bodies(path) == AWKWARD


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_record_costs_neither_those_before_nor_those_after_it(tmp_path, cut):
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    for body in ("one", "two ñ}"):
        ledger.add("inbound", body=body)
    ledger.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut])
    after = Ledger(path)
    assert [entry["body"] for entry in after.entries] == ["one"]
    after.add("inbound", body="three")
    after.close()
    assert bodies(path) == ["one", "three"]


async def test_what_was_accepted_outlives_a_killed_process(tmp_path):
    path = tmp_path / "ledger.jsonl"
    process, url = await start(path)
    sids = []
    async with aiohttp.ClientSession() as session:
        sids += [(await post(session, url, "Messages", Body=str(n)))["sid"] for n in range(20)]
        call = await post(session, url, "Calls", Twiml="<Response/>")
        async with session.post(
            f"{url}/v3/mail/send", json=document(), headers={"Authorization": f"Bearer {KEY}"}
        ) as mail:
            message_id = mail.headers["X-Message-Id"]
        await post_inbound(session, url)
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        with path.open("ab") as file:
            file.write(b'{"n": 999, "kind": "accep')
        process, url = await start(path)
        try:
            async with session.get(f"{url}/sandbox/ledger") as answer:
                entries = (await answer.json())["entries"]
            assert [e["sid"] for e in entries if e["kind"] == "accepted"] == sids
            listed = await get(session, url, "Messages.json?PageSize=100")
            assert [m["sid"] for m in listed["messages"] if m["direction"] == "outbound-api"] == sids[::-1]
            assert [m["body"] for m in listed["messages"] if m["direction"] == "inbound"] == ["7"]
            # What was under way goes on; a line that was cut has failed.
            assert (await get(session, url, f"Calls/{call['sid']}.json"))["status"] in ("failed", "completed")

            async def all_delivered():
                messages = (await get(session, url, "Messages.json?PageSize=100"))["messages"]
                return all(m["status"] == "delivered" for m in messages if m["direction"] == "outbound-api")

            await until(all_delivered)
            async with session.get(f"{url}/sandbox/mailboxes") as answer:
                box = (await answer.json())["mailboxes"][0]
            assert box["mails"][0]["id"].split(".")[0] == message_id
        finally:
            process.terminate()
            await process.wait()


async def start(path):
    environment = {
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "SENDGRID_API_KEY": KEY,
        "SANDBOX_PORT": "0",
        "SANDBOX_STEP_MS": "20",
        "SANDBOX_LEDGER": str(path),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    line = await asyncio.wait_for(process.stdout.readline(), 10)
    return process, line.decode().split()[-1]


async def post(session, url, resource, **form):
    data = {"To": ANA, "From": OURS, **form}
    async with session.post(
        f"{url}/2010-04-01/Accounts/{ACCOUNT}/{resource}.json", data=data, headers=authorized()
    ) as answer:
        assert answer.status == 201
        return await answer.json()


async def get(session, url, path):
    async with session.get(f"{url}/2010-04-01/Accounts/{ACCOUNT}/{path}", headers=authorized()) as answer:
        return await answer.json()


async def post_inbound(session, url):
    async with session.post(f"{url}/sandbox/inbound", json={"from": ANA, "to": OURS, "body": "7"}) as answer:
        assert answer.status == 201


def authorized():
    return {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, TOKEN)}


async def test_a_restart_remembers_names_opt_outs_redactions_and_bounces(tmp_path):
    path = tmp_path / "ledger.jsonl"
    async with open_client(ledger=path, opt_out_filter=True) as client:
        await client.admin("POST", "phones", {"number": ANA, "name": "Ana", "role": "staff"})
        sid = (await client.text(Body="secret"))[1]["sid"]
        await client.ask("POST", f"{client.account}/Messages/{sid}.json", data={"Body": ""})
        await client.admin("POST", "inbound", {"from": ANA, "to": OURS, "body": "STOP"})
        await client.mail(document("bounce@example.org"))
        await until(lambda: "bounce@example.org" in client.sandbox.mail.suppressed)
    assert [json.loads(line)["n"] for line in path.read_text().splitlines()]
    async with open_client(ledger=path, opt_out_filter=True) as client:
        phone = next(p for p in (await client.admin("GET", "phones"))[1]["phones"] if p["number"] == ANA)
        assert (phone["name"], phone["role"], phone["blocked"]) == ("Ana", "staff", True)
        assert client.sandbox.messages.all[sid].body == ""
        assert (await client.text())[1]["code"] == 21610
        assert client.sandbox.mail.suppressed == {"bounce@example.org": "Bounced Address"}
