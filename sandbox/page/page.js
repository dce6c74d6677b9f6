"use strict";
// Draws every phone from /sandbox/phones, again whenever the stream says that something changed.

const home = document.getElementById("phones");
const pattern = document.getElementById("phone");
const drawn = new Map();

const ticks = { queued: "queued", accepted: "accepted", sending: "sending", sent: "✓ sent", delivered: "✓✓ delivered",
  undelivered: "✗ undelivered", failed: "✗ failed", received: "" };

function when(at) {
  const local = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)/.exec(at);
  return new Date(at).toLocaleString(undefined, { weekday: "short", month: "short", day: "numeric", hour: "2-digit",
    minute: "2-digit" }) || (local ? local[0] : at);
}

function bubble(message) {
  const item = document.createElement("li");
  if (message.incoming) item.className = "incoming";
  const text = document.createElement("div");
  text.className = "bubble";
  text.textContent = message.body;
  const meta = document.createElement("p");
  meta.className = "meta";
  const parts = [when(message.at)];
  if (ticks[message.status]) parts.push(ticks[message.status]);
  if (!message.incoming && message.segments > 1) parts.push(message.segments + " parts");
  meta.textContent = parts.join(" · ");
  if (message.code) {
    const code = document.createElement("span");
    code.className = "bad";
    code.textContent = " " + message.code;
    meta.append(code);
  }
  item.append(text, meta);
  return item;
}

function phoneFor(phone) {
  let node = drawn.get(phone.number);
  if (!node) {
    node = pattern.content.firstElementChild.cloneNode(true);
    node.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      const input = event.target.elements.body;
      await fetch("/sandbox/inbound", { method: "POST", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ from: phone.number, to: node.dataset.ours, body: input.value }) });
      input.value = "";
    });
    drawn.set(phone.number, node);
  }
  return node;
}

function draw(state) {
  document.getElementById("clock").textContent = state.at ? "Product time " + when(state.at) : "";
  if (!state.phones.length) return;
  home.querySelector(".empty")?.remove();
  state.phones.forEach((phone, index) => {
    const node = phoneFor(phone);
    node.dataset.ours = phone.messages[phone.messages.length - 1].ours || "+15005550006";
    node.querySelector(".name").textContent = phone.name || phone.number;
    node.querySelector(".number").textContent = (phone.name ? phone.number : "") + (phone.blocked ? " · opted out" : "");
    const thread = node.querySelector(".thread");
    const same = thread.dataset.drawn;
    const now = JSON.stringify(phone.messages);
    if (same !== now) {
      thread.replaceChildren(...phone.messages.map(bubble));
      thread.dataset.drawn = now;
      thread.scrollTop = thread.scrollHeight;
    }
    if (home.children[index] !== node) home.insertBefore(node, home.children[index] || null);
  });
}

async function refresh() {
  const answer = await fetch("/sandbox/phones");
  draw(await answer.json());
}

const stream = new EventSource("/sandbox/stream");
stream.onopen = () => { document.getElementById("live").textContent = "live"; };
stream.onerror = () => { document.getElementById("live").textContent = "connection lost, trying again"; };
stream.onmessage = refresh;
