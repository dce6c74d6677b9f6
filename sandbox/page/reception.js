// The clinic's reception: visits are booked, moved and ended here, where the product's makers have set one up.

import { h, icon, redraw } from "./dom.js";
import { hasStopped } from "./phone.js";
import { dayIn, momentOf, tellIn, word } from "./words.js";

const KINDS = ["infusion", "consultation", "follow_up"];
const FARTHEST_DAY = 28;
const ENDED_SHOWN = 6;
// Numbers that are kept for stories: nobody has them.
const SPARE = Array.from({ length: 40 }, (_, n) => `+1212555${String(160 + n).padStart(4, "0")}`);

const say = (tag, name, properties = {}) => h(tag, { ...properties, data: { ...properties.data, word: name } }, word(name));

export function createReception(refresh) {
  const node = h("section", { class: "card reception", id: "reception", tabindex: "-1", "aria-labelledby": "reception-title", hidden: true });
  const patient = h("select", { id: "reception-patient", name: "patient" });
  const parts = {
    clinic: h("p"),
    patient,
    hint: h("p", { class: "hint", hidden: true }),
    visits: h("ol", { class: "visits" }),
    form: bookingForm(),
    said: h("p", { class: "said", role: "status" }),
  };
  node.append(h("div", { class: "screen" },
    h("header", { class: "head" },
      h("span", { class: "face square", "aria-hidden": "true" }, icon("book")),
      h("div", { class: "who" }, say("h2", "reception", { id: "reception-title" }), parts.clinic)),
    h("div", { class: "counter" },
      h("div", { class: "field" }, say("label", "patient", { for: "reception-patient" }), patient),
      parts.hint, parts.visits, parts.form, parts.said)));
  node.parts = parts;
  node.state = { visits: [], people: [] };
  patient.addEventListener("change", () => { parts.said.replaceChildren(); fillIn(node); node.refresh(); });
  parts.form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await book(node, refresh);
  });
  node.refresh = refresh;
  return node;
}

// Asks the reception for something; the answer tells what went wrong, if anything did.
export async function ask(wish, body = {}) {
  try {
    const answer = await fetch(`/sandbox/reception/${wish}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    return { ...await answer.json(), ok: answer.ok };
  } catch {
    return { ok: false, error: "unavailable" };
  }
}

export function refusal(answer) {
  const left = (answer.left || []).map((what) => word(`left.${what}`)).join(", ");
  return word(`refused.${answer.error}`, { left });
}

export function updateReception(node, state, phones) {
  node.hidden = !state.open;
  if (!state.open) return;
  node.state = state;
  tellIn(state.zone);
  node.phones = phones.filter((phone) => phone.role === "patient");
  node.parts.clinic.textContent = state.clinic;
  update(node);
}

// Whose number it is that stands at the counter: that phone is drawn beside it.
export function atTheCounter(node) { return node.parts.patient.value; }

function update(node) {
  const { patient, hint, visits, form } = node.parts;
  const chosen = patient.value;
  const choices = [["", word("someoneNew")], ...node.phones.map((phone) => [phone.number, phone.name || phone.number])];
  redraw(patient, choices, () => choices.map(([value, label]) => h("option", { value }, label)));
  patient.value = choices.some(([value]) => value === chosen) ? chosen : "";
  const phone = node.phones.find((one) => one.number === patient.value);
  hint.hidden = !phone || !hasStopped(phone);
  hint.textContent = phone ? word("hasStopped", { name: phone.name || phone.number }) : "";
  form.querySelector(".newcomer").hidden = Boolean(phone);
  form.elements.name.required = !phone;
  form.elements.number.required = !phone;
  suggestNumber(node);
  const days = daysFrom(node.state);
  const day = form.elements.day;
  const ahead = day.options.length ? day.selectedIndex : 2;  // “in 2 days” stays that when a day has passed
  if (redraw(day, days, () => days.map(([value, label]) => h("option", { value }, label)))) day.selectedIndex = ahead;
  const shown = shownVisits(node.state.visits.filter((visit) => visit.phone === patient.value));
  const begun = node.state.clock ? [] : shown.map((visit) => visit.starts_at <= node.state.now);
  visits.setAttribute("aria-label", word("visits"));
  redraw(visits, [shown, days, begun, Boolean(node.state.clock), word("move")], () => shown.map((visit) => drawVisit(node, visit, days)));
}

// What is to come first, then what has ended, the newest first.
function shownVisits(visits) {
  const ahead = visits.filter((visit) => visit.status === "booked");
  return [...ahead, ...visits.filter((visit) => visit.status !== "booked").reverse().slice(0, ENDED_SHOWN)];
}

function daysFrom(state) {
  const [year, month, day] = dayIn(state.now, state.zone).split("-").map(Number);
  return Array.from({ length: FARTHEST_DAY + 1 }, (_, n) => {
    const date = new Date(Date.UTC(year, month - 1, day + n));
    const label = date.toLocaleDateString(document.documentElement.lang, { timeZone: "UTC", weekday: "short", month: "short", day: "numeric" });
    return [date.toISOString().slice(0, 10), `${word(n === 0 ? "today" : n === 1 ? "tomorrow" : "inDays", { n })} · ${label}`];
  });
}

function suggestNumber(node) {
  const field = node.parts.form.elements.number;
  const taken = new Set(node.phones.map((phone) => phone.number));
  if (!field.value || (field.value === field.dataset.suggested && taken.has(field.value))) {
    field.value = field.dataset.suggested = SPARE.find((number) => !taken.has(number)) || "";
  }
}

// The form takes over what the reception knows of a patient.
function fillIn(node) {
  const fields = node.parts.form.elements;
  const person = node.state.people.find((one) => one.phone === node.parts.patient.value);
  fields.name.value = person ? person.name : "";
  fields.email.value = person?.email || "";
  fields.language.value = person?.language || "en";
  fields.reminders.checked = person?.reminders ?? true;
  fields.checkins.checked = person?.checkins ?? true;
}

function bookingForm() {
  const field = (name, control) => h("label", {}, say("span", name), control);
  const tick = (name) => h("label", { class: "tick" }, h("input", { type: "checkbox", name, checked: true }), say("span", `consent.${name}`));
  const speech = (value, label, checked) => h("label", {}, h("input", { type: "radio", name: "language", value, checked }), h("span", { lang: value }, label));
  return h("form", { class: "booking" },
    say("h3", "bookVisit"),
    h("div", { class: "newcomer pair" },
      field("name", h("input", { name: "name", maxlength: "60", autocomplete: "off" })),
      field("number", h("input", { name: "number", type: "tel", pattern: "\\+[1-9][0-9]{6,14}", autocomplete: "off" }))),
    h("div", { class: "pair" },
      field("kind", h("select", { name: "kind" }, KINDS.map((kind) => say("option", `kinds.${kind}`, { value: kind })))),
      h("fieldset", { class: "choice" }, say("legend", "textsIn"),
        h("div", {}, speech("en", "English", true), speech("es", "Español")))),
    h("div", { class: "pair moment" },
      field("day", h("select", { name: "day", required: true })),
      field("time", h("input", { name: "time", type: "time", required: true, value: "10:00" }))),
    h("details", { class: "more" }, say("summary", "consentAndMail"),
      h("div", {}, tick("reminders"), tick("checkins"),
        field("email", h("input", { name: "email", type: "email", maxlength: "120", autocomplete: "off" })))),
    say("button", "book", { class: "primary" }));
}

async function book(node, refresh) {
  const { form, patient, said } = node.parts;
  const fields = form.elements;
  const phone = node.phones.find((one) => one.number === patient.value);
  const number = phone ? phone.number : fields.number.value;
  const answer = await ask("book", {
    name: phone ? fields.name.value || phone.name || "?" : fields.name.value,
    number,
    language: fields.language.value,
    kind: fields.kind.value,
    day: fields.day.value,
    time: fields.time.value,
    reminders: fields.reminders.checked,
    checkins: fields.checkins.checked,
    email: fields.email.value,
  });
  tell(said, answer, () => [word("booked"), " ", h("a", { href: `#phone-${number.replace("+", "")}` }, word("seePhone"))]);
  if (!answer.ok) return;
  await refresh();
  if (!phone) {
    patient.value = number;
    node.refresh();
  }
}

function tell(said, answer, text) {
  said.classList.toggle("bad", !answer.ok);
  said.replaceChildren(...(answer.ok ? [text()].flat() : [refusal(answer)]));
}

function drawVisit(node, visit, days) {
  const when = momentOf(visit.starts_at);
  const heading = h("p", { class: "at" }, h("strong", {}, when), ` ${word(`kinds.${visit.kind}`)}`,
    h("span", { class: `chip ${visit.status}` }, word(`visitStates.${visit.status}`)));
  if (visit.status !== "booked") return h("li", { class: "ended" }, heading);
  const wish = async (name, body) => {
    const answer = await ask(name, { id: visit.id, ...body });
    tell(node.parts.said, answer, () => word(`done.${name}`, { when }));
    await node.refresh();
    if (answer.ok) node.parts.patient.focus({ preventScroll: true });
  };
  const deed = (name) => h("button", {
    type: "button", "aria-label": `${word(name)}: ${when}`, data: { key: `${name}-${visit.id}` }, on: { click: () => wish(name) },
  }, word(name));
  const lies = visit.starts_at > node.state.now;
  const endings = lies && !node.state.clock ? [] : [deed("complete"), deed("no-show")];
  return h("li", {}, heading,
    h("div", { class: "deeds" }, moveForm(visit, days, when, (body) => wish("move", body)), deed("cancel"), endings),
    lies && node.state.clock && h("p", { class: "note" }, word("goesThere")));
}

function moveForm(visit, days, when, move) {
  const day = h("select", { name: "day", "aria-label": word("day") }, days.map(([value, label]) => h("option", { value }, label)));
  const time = h("input", { name: "time", type: "time", required: true, value: "14:00", "aria-label": word("time") });
  day.selectedIndex = 3;
  const form = h("form", {}, day, time, h("button", { class: "primary" }, word("moveThere")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    move({ day: day.value, time: time.value });
  });
  return h("details", { class: "mover", data: { key: `move-${visit.id}` } },
    h("summary", { "aria-label": `${word("move")}: ${when}`, data: { key: `mover-${visit.id}` } }, word("move")), form);
}
