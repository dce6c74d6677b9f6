// One mailbox: a list of mail, and the mail that is open.

import { h, hueOf, icon, post, redraw } from "./dom.js";
import { momentOf, word } from "./words.js";

const BAD = new Set(["bounce", "dropped"]);

export function createMailbox(address) {
  const node = h("section", { class: "card mailbox", id: `mail-${address.replace(/[^a-z0-9]/g, "-")}`, tabindex: "-1" });
  node.parts = { head: h("header", { class: "head" }), body: h("div", { class: "mails" }) };
  node.append(h("div", { class: "screen" }, Object.values(node.parts)));
  return node;
}

export function updateMailbox(node, box) {
  node.setAttribute("aria-label", `${word("mailbox")} ${box.address}`);
  redraw(node.parts.head, [box.name, box.address, box.suppressed, word("mailbox")], () => drawHead(box));
  const open = box.mails.find((mail) => mail.id === node.dataset.open);
  const view = () => updateMailbox(node, box);
  const state = open ? [open, node.dataset.part, node.said, word("back")] : [box.mails, word("from")];
  redraw(node.parts.body, state, () => (open ? drawMail(node, open, view) : drawList(node, box, view)));
}

function drawHead(box) {
  const face = h("span", { class: "face square", "aria-hidden": "true" }, icon("mail"));
  face.style.setProperty("--hue", hueOf(box.address));
  return [
    face,
    h("div", { class: "who" }, h("h2", {}, box.name || box.address), box.name && h("p", {}, box.address)),
    box.suppressed && h("span", { class: "chip bad" }, word("suppressed", { why: box.suppressed })),
  ];
}

function drawList(node, box, view) {
  const open = (mail) => {
    node.dataset.open = mail.id;
    node.dataset.part = mail.parts["text/html"] ? "html" : "plain";
    node.said = null;
    if (!mail.read) post(`mail/${encodeURIComponent(mail.id)}/read`);
    mail.read = true;
    view();
    node.querySelector("[data-key=back]")?.focus();
  };
  return [h("ul", { class: "list" }, box.mails.map((mail) => h("li", { class: mail.read ? "" : "new" }, h(
    "button",
    { type: "button", data: { key: mail.id }, on: { click: () => open(mail) } },
    h("span", { class: "sender" }, mail.sender_name || mail.sender),
    h("span", { class: "when" }, momentOf(mail.at)),
    h("span", { class: "subject", dir: "auto" }, mail.subject),
    h("span", { class: "notes" }, status(mail), mail.attachments.length > 0 && h("span", { class: "clip" }, icon("clip"))),
  ))))];
}

function status(mail) {
  const label = word(`mailStates.${mail.status}`) + (mail.reason ? `: ${mail.reason}` : "");
  return h("span", { class: `chip${BAD.has(mail.status) ? " bad" : ""}` }, label);
}

function drawMail(node, mail, view) {
  const path = `mail/${encodeURIComponent(mail.id)}`;
  const close = () => {
    const id = node.dataset.open;
    delete node.dataset.open;
    view();
    node.querySelector(`[data-key="${CSS.escape(id)}"]`)?.focus();
  };
  const tracked = Object.entries(mail.tracking).filter(([, on]) => on).map(([what]) => what);
  const part = (name, type) => mail.parts[type] && h("button", {
    type: "button",
    "aria-pressed": String(node.dataset.part === name),
    data: { key: name },
    on: { click: () => { node.dataset.part = name; view(); } },
  }, word(name));
  const content = node.dataset.part === "html" && mail.parts["text/html"]
    ? h("iframe", { src: `/sandbox/${path}/html`, sandbox: "", title: word("htmlTitle"), loading: "lazy" })
    : h("pre", { dir: "auto", tabindex: "0" }, mail.parts["text/plain"] || "");
  const unsubscribe = async () => {
    const why = await post(`${path}/unsubscribe`);
    node.said = why === null ? { text: word("unsubscribed") } : { text: word("unsubscribeFailed", { why }), bad: true };
    view();
  };
  return [
    h("div", { class: "open" },
      h("button", { type: "button", class: "plain back", data: { key: "back" }, on: { click: close } }, icon("back"), word("back")),
      h("h3", { dir: "auto" }, mail.subject),
      h("p", { class: "meta" }, `${word("from")} ${mail.sender_name ? `${mail.sender_name} <${mail.sender}>` : mail.sender} · ${momentOf(mail.at)}`),
      h("p", { class: "notes" }, status(mail), tracked.length > 0 && h("span", { class: "chip bad" }, word("tracked", { what: tracked.join(", ") }))),
      h("div", { class: "parts", role: "group" }, part("html", "text/html"), part("plain", "text/plain")),
      content,
      mail.attachments.length > 0 && h("ul", { class: "attachments" }, mail.attachments.map((one, n) => h("li", {},
        h("a", { href: `/sandbox/${path}/attachments/${n}`, download: one.filename }, icon("clip"), ` ${one.filename} (${one.size} B)`)))),
      h("div", { class: "deeds" },
        mail.one_click_unsubscribe && h("button", { type: "button", data: { key: "unsubscribe" }, on: { click: unsubscribe } }, word("unsubscribe")),
        h("button", { type: "button", data: { key: "spam" }, on: { click: () => post(`${path}/events`, { event: "spamreport" }) } }, word("spam"))),
      h("p", { role: "status", class: node.said?.bad ? "said bad" : "said" }, node.said?.text || "")),
  ];
}
