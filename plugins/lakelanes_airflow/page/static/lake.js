// What the page can do without: Airflow's theme, fresh figures, arrow keys in the calendar, and links that leave the frame.
"use strict";

const root = document.documentElement;

function theme() {
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch {
    // Storage is closed to us: the system's theme stands.
  }
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  else delete root.dataset.theme;
}

theme();
addEventListener("storage", theme);

// Replaces what is marked as live, unless somebody is reading or typing in it.
async function freshen() {
  const parts = [...document.querySelectorAll("[data-live]")];
  if (!parts.length || document.hidden) return;
  const answer = await fetch(location.href, { credentials: "same-origin", headers: { "X-Lake-Refresh": "1" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelectorAll("[data-live]");
  if (fresh.length !== parts.length) {
    // What was waited for is there, or there is more of it: the page has other parts now.
    const main = document.querySelector("main");
    if (!main.contains(document.activeElement)) main.replaceWith(page.querySelector("main"));
    rove();
    return;
  }
  parts.forEach((part, at) => {
    // What somebody has unfolded stays so.
    for (const one of part.querySelectorAll("details[id][open]")) fresh[at].querySelector(`#${CSS.escape(one.id)}`)?.setAttribute("open", "");
    if (part.contains(document.activeElement) || part.innerHTML === fresh[at].innerHTML) return;
    part.replaceWith(fresh[at]);
  });
  rove();
}

// One stop of the Tab key per month, or per row of windows; the arrow keys go from one to the next.
function rove() {
  for (const grid of document.querySelectorAll("[data-cells] table, [data-window-rows] ul")) {
    const cells = [...grid.querySelectorAll("a.cell")];
    if (!cells.includes(document.activeElement)) cells.forEach((cell, at) => (cell.tabIndex = at ? -1 : 0));
  }
}

function go(event, cell, target) {
  event.preventDefault();
  cell.tabIndex = -1;
  target.tabIndex = 0;
  target.focus();
}

// In a row of windows to the left and right; up and down to the row before and after.
function along(event, cell, [up, right]) {
  const rows = [...document.querySelectorAll("[data-window-rows] ul")].map((one) => [...one.querySelectorAll("a.cell")]);
  const at = rows.findIndex((one) => one.includes(cell));
  const place = rows[at].indexOf(cell);
  if (right) {
    const target = rows[at][place + right];
    if (target) go(event, cell, target);
    return;
  }
  for (let next = at + up; rows[next]; next += up) {
    const target = rows[next][Math.min(place, rows[next].length - 1)];
    if (!target) continue;
    rows[next].forEach((one) => (one.tabIndex = -1));
    target.tabIndex = 0;
    event.preventDefault();
    target.focus();
    return;
  }
}

function arrow(event) {
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  const inWindowRow = event.target.closest?.("[data-window-rows] a.cell");
  if (inWindowRow && steps) along(event, inWindowRow, steps);
  const cell = event.target.closest?.("[data-cells] a.cell");
  if (!cell || !steps) return;
  const place = cell.parentElement;
  const rows = [...place.closest("tbody").rows];
  let row = rows.indexOf(place.parentElement);
  let column = place.cellIndex;
  for (;;) {
    row += steps[0];
    column += steps[1];
    const next = rows[row]?.cells[column];
    if (!next || column < 1) return;
    const target = next.querySelector("a.cell");
    if (!target) continue;
    go(event, cell, target);
    return;
  }
}

// Airflow shows the page in a sandboxed frame, where a link cannot open a page of Airflow itself; one that stands in
// Airflow's own document can.
function leave(event) {
  const link = event.target.closest?.("a[data-leave]");
  if (!link || window.parent === window || event.ctrlKey || event.metaKey || event.shiftKey) return;
  try {
    const outer = window.parent.document.createElement("a");
    outer.href = link.href;
    window.parent.document.body.append(outer);
    event.preventDefault();
    outer.click();
    outer.remove();
  } catch {
    // Another site's frame: the link opens where it is.
  }
}

// A second press before the answer would start a second run.
function once(event) {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent || (form.dataset.ask && !form.dataset.sure)) {
    event.preventDefault();
    if (!form.dataset.sent) ask(form);
    return;
  }
  form.dataset.sent = "1";
}

// The frame's sandbox has no confirm(): the button asks itself.
function ask(form) {
  const button = form.querySelector("button");
  const before = [...button.childNodes];
  button.textContent = `${form.dataset.ask} Press again`;
  form.dataset.sure = "1";
  setTimeout(() => {
    if (form.dataset.sent) return;
    button.replaceChildren(...before);
    delete form.dataset.sure;
  }, 6000);
}

document.addEventListener("DOMContentLoaded", () => {
  rove();
  document.addEventListener("keydown", arrow);
  document.addEventListener("click", leave);
  document.addEventListener("submit", once);
  // Soon, for a look sets the counting going; then now and again.
  setTimeout(() => freshen().catch(() => {}), 2000);
  setInterval(() => freshen().catch(() => {}), 15000);
});
