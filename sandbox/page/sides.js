// The phones and the product's console beside each other. A link that lets a visitor in once comes behind the #.

const STEP = 4;
const [LEAST, MOST] = [20, 80];
const divider = document.getElementById("divider");
const inside = document.getElementById("console");

const pass = location.hash.match(/^#sign-in=([\w-]{8,200})$/);
if (pass) history.replaceState(null, "", location.pathname);
inside.src = document.body.dataset.console + (pass ? `/sign-in/${pass[1]}` : "/");

function divide(percent) {
  const wide = Math.round(Math.min(MOST, Math.max(LEAST, percent)));
  document.documentElement.style.setProperty("--phones", `${wide}%`);
  divider.setAttribute("aria-valuenow", String(wide));
}

divider.addEventListener("keydown", (event) => {
  const now = Number(divider.getAttribute("aria-valuenow"));
  const wanted = { ArrowLeft: now - STEP, ArrowRight: now + STEP, Home: LEAST, End: MOST }[event.key];
  if (wanted === undefined) return;
  event.preventDefault();
  divide(wanted);
});
divider.addEventListener("pointerdown", (event) => {
  divider.setPointerCapture(event.pointerId);
  document.body.classList.add("moving");
});
divider.addEventListener("pointermove", (event) => {
  if (divider.hasPointerCapture(event.pointerId)) divide((event.clientX / window.innerWidth) * 100);
});
for (const end of ["pointerup", "pointercancel"]) {
  divider.addEventListener(end, () => document.body.classList.remove("moving"));
}

for (const button of document.querySelectorAll("[data-side]")) {
  button.addEventListener("click", () => {
    document.body.dataset.shown = button.dataset.side;
    for (const other of document.querySelectorAll("[data-side]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
  });
}
