// A call that rings or goes on: answering, what is heard, and the keys.

import { h, icon, post } from "./dom.js";
import { clockOf, word } from "./words.js";

const KEYS = [..."123456789*0#"];

export function drawCall(call) {
  return call.status === "in-progress" ? drawTalk(call) : drawRinging(call);
}

function drawRinging(call) {
  const deed = (name, label, kind, body) => h(
    "button",
    { type: "button", class: kind, data: { key: `${call.sid}-${name}` }, on: { click: () => post(`calls/${call.sid}/${name}`, body) } },
    label,
  );
  return [
    h("p", { class: "title" }, h("span", { class: "bell" }, icon("phone")), word("calling")),
    h("p", { class: "number" }, call.from),
    h("div", { class: "deeds" },
      deed("answer", word("answer"), "take"),
      deed("reject", word("decline"), "drop")),
    h("button", { type: "button", class: "plain", on: { click: () => post(`calls/${call.sid}/answer`, { by: "machine" }) } }, word("machine")),
  ];
}

function drawTalk(call) {
  const press = (key) => post(`calls/${call.sid}/press`, { digits: key });
  const keypad = h("div", {
    class: `keypad${call.listening ? " wanted" : ""}`,
    role: "group",
    "aria-label": word("keypad"),
    on: { keydown: (event) => { if (KEYS.includes(event.key)) { event.preventDefault(); press(event.key); } } },
  }, KEYS.map((key) => h(
    "button",
    { type: "button", data: { key: `${call.sid}-key-${key}` }, on: { click: () => press(key) } },
    key,
  )));
  return [
    h("p", { class: "title" }, icon("phone"), ` ${word("inCall")} · ${call.from}`),
    transcript(call),
    h("p", { class: "wait", "aria-live": "polite" }, call.listening ? word("press") : ""),
    keypad,
    h("button", { type: "button", class: "drop", data: { key: `${call.sid}-hang-up` }, on: { click: () => post(`calls/${call.sid}/hang-up`) } }, word("hangUp")),
  ];
}

export function pastCall(call) {
  const state = word(`callStates.${call.status}`, { n: call.seconds });
  const heading = [icon("phone"), ` ${word("call")} · ${clockOf(call.at)} · ${state}`];
  if (!call.heard.length) return h("li", { class: "past" }, h("p", {}, heading));
  return h("li", { class: "past" }, h("details", { data: { key: call.sid } }, h("summary", {}, heading), transcript(call)));
}

function transcript(call) {
  return h("ul", { class: "heard" }, call.heard.map((part) => {
    if (part.kind === "press") return h("li", { class: "pressed" }, word("pressed", { key: part.text }));
    if (part.kind === "play") return h("li", { class: "note" }, word("played", { what: part.text }));
    if (part.kind === "note") return h("li", { class: "note" }, word("machineNote"));
    return h("li", { lang: part.language || false, dir: "auto" }, `“${part.text}”`);
  }));
}
