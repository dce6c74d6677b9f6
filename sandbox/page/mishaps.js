// Letting something go wrong, and what of it is still to come.

import { h, post } from "./dom.js";
import { word } from "./words.js";

const CHOICES = {
  unreachable: { kind: "undelivered", code: 30003, count: 1 },
  landline: { kind: "undelivered", code: 30006, count: 1 },
  outage: { kind: "500_before", count: 5 },
  ambiguous: { kind: "accept_then_drop", on: "messages", count: 1 },
  slow: { kind: "slow", seconds: 5, count: 1 },
  limit: { kind: "429", count: 3 },
  lost: { kind: "inbound_lost", count: 1 },
  noAnswer: { kind: "no_answer", count: 1 },
  bounce: { kind: "bounce", count: 1 },
};

export function drawMishaps(node) {
  const choices = Object.entries(CHOICES).map(([name, wish]) => h(
    "button",
    { type: "button", on: { click: async () => { await post("faults", wish); await showAsked(node); } } },
    word(`wrong.${name}`),
  ));
  const clear = async () => {
    await fetch("/sandbox/faults", { method: "DELETE" });
    await showAsked(node);
  };
  node.querySelector(".choices").replaceChildren(
    ...choices,
    h("button", { type: "button", class: "primary", on: { click: clear } }, word("clear")),
  );
}

export async function showAsked(node) {
  const answer = await fetch("/sandbox/faults");
  const { faults } = await answer.json();
  const waiting = faults.filter((fault) => fault.count === null || fault.hits < fault.count);
  node.querySelector(".asked").replaceChildren(...waiting.map((fault) => h("li", {}, word("asked", {
    kind: fault.kind, left: fault.count === null ? word("always") : fault.count - fault.hits,
  }))));
  node.classList.toggle("active", waiting.length > 0);
}
