"""The sandbox's page as a visitor meets it: texts arrive, replies leave, phones ring, mail opens."""

import re
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import expect

from tests.sandbox.room import ANA, open_client, open_receiver
from tests.sandbox.test_calls import PAGE, page_twiml
from tests.sandbox.test_mail import document
from tests.waiting import until

HOSTILE = "<img src=x onerror=alert(1)>\"><script>alert(2)</script>'&amp;{{7*7}}"


@pytest.fixture
async def receiver():
    async with open_receiver() as receiver:
        yield receiver


@pytest.fixture
async def client(receiver):
    async with open_client(receiver) as client:
        await client.admin("POST", "phones", {"number": ANA, "name": "Ana"})
        yield client


@pytest.fixture
def visit(chromium, client):
    """Open the page; a complaint of its console, a dialog or a request to any other host fails the test."""

    @asynccontextmanager
    async def open_window(*, locale="en-US", but=()):
        context = await chromium.new_context(viewport={"width": 1280, "height": 900}, locale=locale)
        window = await context.new_page()
        complaints = []
        window.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        window.on("pageerror", lambda error: complaints.append(str(error)))
        window.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        window.on("request", lambda request: _is_ours(client, request.url) or complaints.append(request.url))
        await window.goto(client.sandbox.base_url)
        await window.locator("#live[data-state=live]").wait_for()
        yield window
        await context.close()
        assert [said for said in complaints if not any(part in said for part in but)] == []

    return open_window


def _is_ours(client, url):
    return url.startswith((client.sandbox.base_url, "data:", "blob:"))


async def test_a_text_appears_by_itself_and_the_patient_answers(visit, client, receiver):
    async with visit() as window:
        await expect(window.get_by_text("No texts yet.")).to_be_visible()
        await client.text(Body="Reply C to confirm.")
        await expect(window.locator(".theirs .bubble")).to_have_text("Reply C to confirm.")
        await expect(window.locator(".theirs .meta")).to_contain_text("delivered")
        await expect(window.get_by_role("log")).to_contain_text("New text for Ana: Reply C to confirm.")
        reply = window.get_by_label("Reply as Ana")
        await reply.fill("yes, I will come")
        await reply.press("Enter")
        await window.get_by_role("button", name="7", exact=True).click()
        await window.get_by_role("button", name="STOP", exact=True).click()
        await until(lambda: len(receiver.at("/inbound")) == 3)
        assert sorted(form["Body"] for form in receiver.forms("/inbound")) == ["7", "STOP", "yes, I will come"]
        assert {(form["From"], form["To"]) for form in receiver.forms("/inbound")} == {(ANA, "+15005550006")}
        await expect(window.locator(".mine .bubble")).to_have_count(3)
        await window.get_by_role("button", name="START", exact=True).click()
        await expect(window.locator(".mine .bubble")).to_have_count(4)


async def test_a_reply_half_typed_stays_while_texts_arrive(visit, client):
    async with visit() as window:
        await window.get_by_label("Reply as Ana").fill("I am not su")
        for n in range(3):
            await client.text(Body=f"text {n}")
        await expect(window.locator(".theirs")).to_have_count(3)
        await expect(window.get_by_label("Reply as Ana")).to_have_value("I am not su")
        await expect(window.get_by_label("Reply as Ana")).to_be_focused()


async def test_a_ringing_phone_is_answered_and_acknowledged_by_keyboard_alone(visit, client, receiver):
    receiver.answer("/voice/start", page_twiml())
    receiver.answer("/voice/key", "<Response><Say>Thank you.</Say></Response>")
    async with visit() as window:
        await client.admin("POST", "phones", {"number": "+12125550188", "name": "Dr. Lee", "role": "staff"})
        await client.call(To="+12125550188", Url=f"{receiver.url}/voice/start")
        await expect(window.get_by_text("Incoming call")).to_be_visible()
        await window.get_by_role("link", name="Dr. Lee").focus()
        await window.keyboard.press("Enter")
        await window.keyboard.press("Tab")
        await expect(window.get_by_role("button", name="Answer", exact=True)).to_be_focused()
        await window.keyboard.press("Enter")
        await expect(window.locator(".call .heard")).to_contain_text(PAGE)
        await window.get_by_label("Keypad").get_by_role("button", name="5").focus()
        await window.keyboard.press("1")
        await expect(window.get_by_text(re.compile("ended after"))).to_be_visible()
        assert receiver.forms("/voice/key")[0]["Digits"] == "1"
        await window.get_by_text(re.compile("ended after")).click()
        await client.text(To="+12125550188", Body="The case is closed.")
        await expect(window.get_by_text("The case is closed.").first).to_be_visible()
        await expect(window.locator(".past .heard")).to_contain_text("Thank you.")
        await expect(window.locator(".past .heard")).to_be_visible()


async def test_mail_opens_closes_and_is_unsubscribed_from(visit, client, receiver):
    headers = {
        "List-Unsubscribe": f"<{receiver.url}/unsubscribe/t>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    async with visit() as window:
        await client.mail(document(headers=headers))
        subject = window.get_by_role("button", name=re.compile("About your visit"))
        await subject.press("Enter")
        await expect(window.frame_locator("iframe").get_by_text("Call us.")).to_be_visible()
        await window.get_by_role("button", name="Text", exact=True).click()
        await expect(window.get_by_text("Please call us.")).to_be_visible()
        await expect(window.get_by_role("link", name=re.compile("visit.ics"))).to_be_visible()
        await window.get_by_role("button", name="Unsubscribe").click()
        await expect(window.get_by_text("Unsubscribed: the sender took it.")).to_be_visible()
        assert len(receiver.at("/unsubscribe/t")) == 1
        await window.get_by_role("button", name="Back to the mailbox").click()
        await expect(subject).to_be_focused()


async def test_nothing_that_anybody_sends_becomes_markup(visit, client, receiver):
    receiver.answer("/voice/start", page_twiml().replace(PAGE, HOSTILE.replace("&", "&amp;").replace("<", "&lt;")))
    await client.admin("POST", "phones", {"number": ANA, "name": HOSTILE[:60]})
    await client.text(Body=HOSTILE)
    await client.admin("POST", "inbound", {"from": ANA, "to": "+15005550006", "body": HOSTILE})
    wish = document(subject=HOSTILE)
    wish["from"]["name"] = wish["personalizations"][0]["to"][0]["name"] = HOSTILE
    wish["content"] = [
        {"type": "text/plain", "value": HOSTILE},
        {"type": "text/html", "value": f"<p>Call.</p>{HOSTILE}"},
    ]
    wish["attachments"][0]["filename"] = HOSTILE
    await client.mail(wish)
    _, call = await client.call(Url=f"{receiver.url}/voice/start")
    await client.call_status(call["sid"], "ringing")
    await client.admin("POST", f"calls/{call['sid']}/answer")
    # A mail may hold a script and a picture: the browser says that it refuses them, and that is all.
    async with visit(but=("sandboxed", "Content Security Policy")) as window:
        await expect(window.locator(".theirs .bubble")).to_have_text(HOSTILE)
        await expect(window.locator(".mine .bubble")).to_have_text(HOSTILE)
        await expect(window.locator(".call .heard")).to_contain_text(HOSTILE)
        await window.locator(".mailbox .list button").click()
        await expect(window.locator("h3")).to_have_text(HOSTILE)
        await expect(window.frame_locator("iframe").get_by_text("Call.")).to_be_visible()
        await window.get_by_role("button", name="Text", exact=True).click()
        await expect(window.locator("pre")).to_have_text(HOSTILE)
        assert await window.locator("img").count() == 0
        assert await window.locator("script").count() == 1


async def test_spanish_is_spoken_throughout_and_remembered(visit, client):
    await client.text(Body="Hola")
    await client.mail(document())
    async with visit(locale="es-MX") as window:
        await expect(window.get_by_role("heading", level=1)).to_have_text("Teléfonos y buzones")
        await expect(window.get_by_label("Responder como Ana")).to_be_visible()
        await expect(window.locator(".theirs .meta")).to_contain_text("entregado")
        await window.get_by_role("button", name="English").click()
        await expect(window.get_by_label("Reply as Ana")).to_be_visible()
        await window.reload()
        await expect(window.get_by_label("Reply as Ana")).to_be_visible()
        assert await window.locator("html").get_attribute("lang") == "en"


async def test_every_word_has_both_languages(visit):
    async with visit() as window:
        english, spanish = await window.evaluate("import('/page/words.js').then((words) => words.shape())")
        assert english == spanish


async def test_nothing_is_wider_than_a_phone(visit, client):
    await client.text(Body="https://clinic.example/" + "x" * 200)
    await client.mail(document(subject="y" * 150))
    async with visit(locale="es-ES") as window:
        await expect(window.locator(".theirs")).to_be_visible()
        for width in (320, 390, 768):
            await window.set_viewport_size({"width": width, "height": 800})
            assert await window.evaluate("document.documentElement.scrollWidth") <= width
            for box in await window.locator(".card").all():
                assert (await box.bounding_box())["width"] <= width


# WCAG 2.2, 1.4.3: 4.5 to 1 for text of this size.
CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [.2126, .7152, .0722][n], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility() || node.closest(".unseen, .skip, iframe")) continue;
    const [front, back] = [light(parse(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(front, back) + .05) / (Math.min(front, back) + .05);
    if (ratio < 4.5) poor.push(`${node.className || node.tagName} ${ratio.toFixed(2)}`);
  }
  return poor;
}"""


async def test_every_word_can_be_read_by_day_and_by_night(visit, client):
    await client.fault("undelivered", code=30006)
    await client.text(Body="lost")
    await client.admin("POST", "inbound", {"from": ANA, "to": "+15005550006", "body": "7"})
    await client.admin("POST", "phones", {"number": "+12125550188", "name": "Dr. Lee", "role": "staff"})
    await client.call(To="+12125550188", Twiml="<Response><Gather><Say>Press 1.</Say></Gather></Response>")
    await client.mail(document("bounce@example.org", tracking_settings=None))
    async with visit() as window:
        await expect(window.locator(".theirs.bad")).to_be_visible()
        await expect(window.locator(".mailbox .chip.bad").first).to_be_visible()
        for scheme in ("light", "dark"):
            await window.emulate_media(color_scheme=scheme)
            assert await window.evaluate(CONTRAST) == []
        await window.get_by_role("button", name="Answer", exact=True).click()
        await window.locator(".mailbox .list button").click()
        await expect(window.locator(".keypad")).to_be_visible()
        await window.get_by_text("Break something").click()
        for scheme in ("light", "dark"):
            await window.emulate_media(color_scheme=scheme)
            assert await window.evaluate(CONTRAST) == []


async def test_a_visitor_adds_a_phone_and_breaks_something(visit, client):
    async with visit() as window:
        await window.get_by_text("Add a phone", exact=True).click()
        await window.get_by_label("Number").fill("+13055550142")
        await window.get_by_label("Name").fill("Bo")
        await window.get_by_role("button", name="Add", exact=True).click()
        await expect(window.get_by_label("Reply as Bo")).to_be_focused()
        await window.get_by_text("Break something").click()
        await window.get_by_role("button", name=re.compile("answer is lost")).click()
        await expect(window.get_by_text("accept_then_drop: 1 left")).to_be_visible()
        await window.keyboard.press("Escape")
        await expect(window.locator("#mishaps .panel")).to_be_hidden()
        assert [fault.kind for fault in client.sandbox.faults.all()] == ["accept_then_drop"]
