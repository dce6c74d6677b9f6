// Draws phones and mailboxes from /sandbox/state, again whenever the stream says that something changed.

import { h, icon, post } from "./dom.js";
import { choose, chosen, momentOf, tellIn, word } from "./words.js";
import { createPhone, showNewest, updatePhone } from "./phone.js";
import { createMailbox, updateMailbox } from "./mailbox.js";
import { createClock, updateClock } from "./clock.js";
import { atTheCounter, createReception, updateReception } from "./reception.js";
import { drawMishaps, showAsked } from "./mishaps.js";

const desk = document.getElementById("desk");
const jump = document.getElementById("jump");
const live = document.getElementById("live");
const add = document.getElementById("add");
const mishaps = document.getElementById("mishaps");
const cards = new Map();
const known = new Set();
let state = { at: null, zone: null, phones: [], mailboxes: [] };
let front = { open: false, expected: true };
let reception = null;
let remote = null;
let first = true;

function draw() {
  const clock = document.getElementById("clock");
  tellIn(state.zone);
  clock.parentElement.hidden = !state.at || Boolean(front.clock);
  clock.textContent = state.at ? momentOf(state.at) : "";
  drawFront();
  const first = reception && atTheCounter(reception);
  const phones = [...state.phones].sort((a, b) => (b.number === first) - (a.number === first));
  const wanted = [
    ...phones.map((phone) => ["phone", phone.number, phone, createPhone, updatePhone]),
    ...state.mailboxes.map((box) => ["mailbox", box.address.toLowerCase(), box, createMailbox, updateMailbox]),
  ];
  desk.querySelector(".empty").hidden = wanted.length > 0 || front.open;
  const keep = new Set();
  let place = desk.querySelector(".card:not(.reception)");
  for (const [kind, id, thing, create, update] of wanted) {
    const key = `${kind} ${id}`;
    keep.add(key);
    const card = cards.get(key) || create(id);
    cards.set(key, card);
    const stays = card === place;
    if (stays) place = place.nextElementSibling;
    else desk.insertBefore(card, place);
    update(card, thing);
    if (!stays && kind === "phone") showNewest(card);
  }
  for (const [key, card] of cards) {
    if (keep.has(key)) continue;
    card.remove();
    cards.delete(key);
  }
  drawJump(wanted);
  announce();
}

// The reception and the clock are there once somebody has set them up, and never elsewhere.
function drawFront() {
  if (front.open && !reception) {
    reception = createReception(refresh);
    remote = createClock(refresh);
    desk.prepend(reception);
    document.body.append(remote);
  }
  if (!reception) return;
  updateReception(reception, front, state.phones);
  updateClock(remote, front, state.at);
}

// One link per card, so that a ringing phone is one key or tap away.
function drawJump(wanted) {
  jump.hidden = wanted.length + front.open < 2;
  const links = wanted.map(([kind, id, thing]) => {
    const card = cards.get(`${kind} ${id}`);
    const name = thing.name || thing.number || thing.address;
    const link = h("a", { href: `#${card.id}`, class: thing.ringing ? "ringing" : "", data: { kind } }, icon(kind === "phone" ? "phone" : "mail"), ` ${name}`);
    link.addEventListener("click", () => card.focus({ preventScroll: true }));
    return link;
  });
  if (front.open) {
    const link = h("a", { href: "#reception" }, icon("book"), ` ${word("reception")}`);
    link.addEventListener("click", () => reception.focus({ preventScroll: true }));
    links.unshift(link);
  }
  const drawn = links.map((link) => link.outerHTML).join("");
  if (jump.drawnFrom !== drawn) jump.replaceChildren(...links);
  jump.drawnFrom = drawn;
}

// Tells what is new in words, for those who listen to the page.
function announce() {
  const news = [];
  const note = (id, text) => { if (!known.has(id)) { known.add(id); news.push(text); } };
  for (const phone of state.phones) {
    const name = phone.name || phone.number;
    for (const message of phone.messages) if (!message.incoming) note(message.sid, word("newText", { name, text: message.body }));
    for (const call of phone.calls) note(call.sid, word("ringing", { name }));
  }
  for (const box of state.mailboxes) {
    for (const mail of box.mails) note(mail.id, word("newMail", { name: box.name || box.address, text: mail.subject }));
  }
  if (!first) document.getElementById("news").append(...news.slice(-3).map((text) => h("p", {}, text)));
  first = false;
}

function speak() {
  document.documentElement.lang = chosen();
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === chosen()));
  }
  document.title = `${word("title")} · Aftercare`;
  live.textContent = word(live.dataset.state === "live" ? "live" : live.dataset.state === "lost" ? "lost" : "connecting");
  drawMishaps(mishaps);
  draw();
}

function show(condition) {
  live.dataset.state = condition;
  live.textContent = word(condition);
}

let asking = null;
let again = false;

// One question at a time: what changes meanwhile is asked for once more, before anybody who waits goes on.
function refresh() {
  again = true;
  asking ??= ask().finally(() => { asking = null; });
  return asking;
}

async function ask() {
  try {
    while (again) {
      again = false;
      const [answer, counter] = await Promise.all([
        fetch("/sandbox/state"), front.open || front.expected ? fetch("/sandbox/reception") : null,
      ]);
      state = await answer.json();
      if (counter) front = await counter.json();
      draw();
      if (mishaps.open) await showAsked(mishaps);
    }
  } catch {
    show("lost");
  }
}

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => { choose(button.dataset.language); speak(); });
}
add.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const number = form.elements.number.value;
  await post("phones", { number, name: form.elements.name.value });
  form.reset();
  add.open = false;
  await refresh();
  cards.get(`phone ${number}`)?.querySelector("textarea").focus();
});
mishaps.addEventListener("toggle", () => { if (mishaps.open) showAsked(mishaps); });
document.addEventListener("click", (event) => {
  for (const tool of [add, mishaps]) if (tool.open && !tool.contains(event.target)) tool.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const tool of [add, mishaps]) if (tool.open) { tool.open = false; tool.querySelector("summary").focus(); }
});

speak();
const stream = new EventSource("/sandbox/stream");
stream.onopen = () => show("live");
stream.onerror = () => show("lost");
stream.onmessage = refresh;
// What is due next may change without any text.
setInterval(() => { if (front.clock && !document.hidden) refresh(); }, 2000);
