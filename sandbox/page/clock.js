// The demo's clock: to the next message, an hour on, a day on. It waits until everything has arrived.

import { h } from "./dom.js";
import { ask, refusal } from "./reception.js";
import { clockOf, dayOf, momentOf, word } from "./words.js";

const TURNS = ["next", "hour", "day"];

export function createClock(refresh) {
  const parts = {
    label: h("span", {}, word("clinicTime")),
    time: h("time"),
    due: h("small"),
    said: h("p", { class: "said", role: "status" }),
    stop: h("button", { type: "button", class: "stop", hidden: true, data: { word: "stop" }, on: { click: () => ask("stop") } }, word("stop")),
  };
  const node = h("section", { class: "remote", id: "remote", hidden: true });
  node.buttons = TURNS.map((by) => h("button", { type: "button", class: by === "next" ? "primary" : "", data: { by }, on: { click: () => turn(node, by, refresh) } },
    h("span", { data: { word: `turns.${by}` } }, word(`turns.${by}`)), by === "next" && parts.due));
  node.append(
    h("p", { class: "now" }, parts.label, parts.time),
    h("div", { class: "turns", role: "group" }, node.buttons, parts.stop),
    parts.said);
  node.parts = parts;
  return node;
}

export function updateClock(node, state, at) {
  node.hidden = !state.open || !state.clock;
  document.body.classList.toggle("has-remote", !node.hidden);
  if (node.hidden) return;
  node.setAttribute("aria-label", word("clock"));
  node.querySelector(".turns").setAttribute("aria-label", word("clock"));
  node.parts.label.textContent = word("clinicTime");
  node.parts.time.textContent = momentOf(at || state.now);
  node.parts.due.textContent = state.clock.next ? word("dueAt", { when: dueOf(state.clock.next, state.now) }) : "";
  showBusy(node, state.clock.busy || node.turning);
}

function dueOf(next, now) {
  return dayOf(next) === dayOf(now) ? clockOf(next) : momentOf(next);
}

function showBusy(node, busy) {
  node.setAttribute("aria-busy", String(Boolean(busy)));
  for (const button of node.buttons) button.setAttribute("aria-disabled", String(Boolean(busy)));
  node.parts.stop.hidden = !busy;
}

async function turn(node, by, refresh) {
  if (node.getAttribute("aria-busy") === "true") return;
  node.turning = true;
  showBusy(node, true);
  say(node, word("turning"));
  const answer = await ask("clock", { by });
  node.turning = false;
  await refresh();
  const count = answer.messages === 1 ? "one" : answer.messages ? "many" : "none";
  if (answer.ok) say(node, word(`turned.${count}`, { n: answer.messages, when: momentOf(answer.now) }));
  else say(node, refusal(answer), "bad");
  showBusy(node, false);
}

function say(node, text, kind = "") {
  node.parts.said.className = `said ${kind}`;
  node.parts.said.textContent = text;
}
