// One phone: its texts, its calls, and the replies of the person who holds it.

import { h, hueOf, icon, post, redraw } from "./dom.js";
import { clockOf, dayOf, word } from "./words.js";
import { drawCall, pastCall } from "./call.js";

const FINAL_BAD = new Set(["undelivered", "failed"]);

export function createPhone(number) {
  const node = h("section", { class: "card phone", id: `phone-${number.replace("+", "")}`, tabindex: "-1" });
  const parts = {
    head: h("header", { class: "head" }),
    call: h("div", { class: "call", hidden: true }),
    thread: h("ol", { class: "thread", tabindex: "0" }),
    quick: h("div", { class: "quick" }),
    form: composer(number, node),
  };
  node.append(h("div", { class: "screen" }, Object.values(parts)));
  node.parts = parts;
  return node;
}

export function updatePhone(node, phone) {
  const { head, call, thread, quick, form } = node.parts;
  const name = phone.name || phone.number;
  node.dataset.ours = phone.ours;
  node.classList.toggle("ringing", phone.ringing);
  node.setAttribute("aria-label", phone.name ? `${phone.name}, ${phone.number}` : phone.number);
  redraw(head, [phone.name, phone.number, phone.role, phone.blocked, word("staff")], () => drawHead(phone));
  const line = phone.calls.find((one) => !one.seconds && ["queued", "ringing", "in-progress"].includes(one.status));
  call.hidden = !line;
  redraw(call, [line || null, word("answer")], () => (line ? drawCall(line) : []));
  const atEnd = thread.scrollHeight - thread.scrollTop - thread.clientHeight < 60;
  const changed = redraw(thread, [phone.messages, phone.calls, word("delivered")], () => drawThread(phone));
  const stopped = hasStopped(phone);
  redraw(quick, [phone.role, stopped, word("quick")], () => drawQuick(node, phone, stopped));
  const input = form.elements.body;
  input.setAttribute("aria-label", word("reply", { name }));
  input.placeholder = word("reply", { name });
  form.querySelector("button").setAttribute("aria-label", word("send"));
  // Last, since every part above takes its height from the thread.
  if (atEnd && (changed || thread.clientHeight !== node.threadHeight)) thread.scrollTop = thread.scrollHeight;
  node.threadHeight = thread.clientHeight;
}

// A thread that was put somewhere else has lost its place.
export function showNewest(node) {
  node.parts.thread.scrollTop = node.parts.thread.scrollHeight;
}

export function hasStopped(phone) {
  return phone.messages.findLast((message) => message.incoming)?.body === "STOP";
}

function drawHead(phone) {
  const name = phone.name || phone.number;
  const face = h("span", { class: "face", "aria-hidden": "true" }, phone.name ? [...phone.name][0].toUpperCase() : "#");
  face.style.setProperty("--hue", hueOf(phone.number));
  return [
    face,
    h("div", { class: "who" }, h("h2", {}, name), phone.name && h("p", {}, phone.number)),
    phone.role === "staff" && h("span", { class: "chip staff" }, word("staff")),
    phone.blocked && h("span", { class: "chip bad" }, word("optedOut")),
  ];
}

// Texts and calls in the order in which they really happened, under the days of the product's own time.
function drawThread(phone) {
  const items = [
    ...phone.messages.map((message) => ({ ...message, draw: bubble })),
    ...phone.calls.map((call) => ({ ...call, draw: pastCall })),
  ].sort((a, b) => (a.wall < b.wall ? -1 : a.wall > b.wall ? 1 : 0));
  if (!items.length) return [h("li", { class: "none" }, word("noTexts"))];
  let day = null;
  return items.flatMap((item) => {
    const heading = dayOf(item.at) === day ? [] : [h("li", { class: "day" }, dayOf(item.at))];
    day = dayOf(item.at);
    return [...heading, item.draw(item)];
  });
}

function bubble(message) {
  const bad = FINAL_BAD.has(message.status);
  const notes = [clockOf(message.at)];
  if (!message.incoming) notes.push(word(message.status) + (message.code ? ` ${message.code}` : ""));
  if (message.segments > 1) notes.push(word("parts", { n: message.segments }));
  if (message.media.length) notes.push(word("media", { n: message.media.length }));
  return h(
    "li",
    { class: `${message.incoming ? "mine" : "theirs"}${bad ? " bad" : ""}` },
    h("div", { class: "bubble", dir: "auto" }, message.body || "…"),
    h("p", { class: "meta" }, notes.join(" · ")),
  );
}

function drawQuick(node, phone, stopped) {
  const button = (text, label) => h(
    "button",
    { type: "button", data: { key: `quick-${text}` }, "aria-label": label, on: { click: () => say(node, phone.number, text) } },
    text,
  );
  const scale = h("div", { class: "scale", role: "group", "aria-label": word("scale") },
    Array.from({ length: 11 }, (_, n) => button(String(n))));
  if (phone.role === "staff") return [scale];
  const words = ["C", "R", word("yes"), word("no"), word("help"), stopped ? "START" : "STOP"];
  return [h("div", { class: "words", role: "group", "aria-label": word("quick") }, words.map((text) => button(text))), scale];
}

function composer(number, node) {
  const input = h("textarea", { name: "body", rows: "1", maxlength: "1600", required: true, autocomplete: "off" });
  const form = h("form", { class: "composer" }, input, h("button", { class: "send" }, icon("send")));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = input.value;
    input.value = "";
    if (await say(node, number, text)) input.value = text;
  });
  return form;
}

// Sends a text from the phone to the number that it last heard from; the thread follows to its end.
async function say(node, number, body) {
  const failure = await post("inbound", { from: number, to: node.dataset.ours, body });
  showNewest(node);
  return failure;
}
