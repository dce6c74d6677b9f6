// Small parts for drawing. Everything that people sent is set as text, never as markup.

export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (name === "data") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const PATHS = {
  phone: "M6.6 3 9 3l1.5 4.5-2 1.6a12 12 0 0 0 6.4 6.4l1.6-2L21 15v2.4A3.6 3.6 0 0 1 17.4 21 14.4 14.4 0 0 1 3 6.6 3.6 3.6 0 0 1 6.6 3z",
  mail: "M3 5h18v14H3zM3 6l9 7 9-7",
  clip: "M8 12.5 14.5 6a3 3 0 0 1 4.3 4.3l-8.6 8.6a5 5 0 0 1-7.1-7.1l8-8",
  send: "M4 12 20 4l-5 16-3-7zM12 13l8-9",
  back: "M15 5l-7 7 7 7",
  book: "M5 6h14v14H5zM5 10h14M9 3v4M15 3v4M9 15l2 2 4-4",
};

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

// Draws again only what changed, so that focus, half-typed replies and what was unfolded stay.
export function redraw(node, state, draw) {
  const wanted = JSON.stringify(state);
  if (node.drawnFrom === wanted) return false;
  const key = node.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const unfolded = [...node.querySelectorAll("details[open]")].map((details) => details.dataset.key);
  node.replaceChildren(...[draw(state)].flat().filter(Boolean));
  for (const details of node.querySelectorAll("details")) details.open = unfolded.includes(details.dataset.key);
  if (key) node.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
  node.drawnFrom = wanted;
  return true;
}

export async function post(path, body) {
  const answer = await fetch(`/sandbox/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body || {}),
  });
  if (answer.ok) return null;
  const text = await answer.text();
  try { return JSON.parse(text).error || String(answer.status); } catch { return String(answer.status); }
}

export function hueOf(text) {
  let sum = 0;
  for (const char of text) sum = (sum * 31 + char.codePointAt(0)) % 360;
  return sum;
}
