/* The details beside the table. Open, they follow the cursor; what is typed in them is not thrown away by a move. */
import { currentRow, focusRow, pkOf } from "./rows.js";

const OPEN = "certify-drawer";
const WAIT = 150;
const desk = document.getElementById("desk");
const drawer = document.getElementById("drawer");
let shown = null;
let wanted = null; // the row whose details are shown, or on their way
let timer = null;
let request = null;

export const isOpen = () => drawer.childElementCount > 0;

async function load(pk) {
  wanted = pk;
  request?.abort();
  request = new AbortController();
  try {
    const answer = await fetch(`${desk.dataset.url}items/${pk}/`, { headers: { "HX-Request": "true" }, signal: request.signal });
    if (!answer.ok) return;
    drawer.innerHTML = await answer.text();
    drawer.scrollTop = 0;
    shown = pk;
  } catch {
    // Aborted by the next row, or no connection: the details of the last row stay, with its name above them.
  }
}

export async function open(row, { andReason = false } = {}) {
  sessionStorage.setItem(OPEN, "yes");
  if (shown !== pkOf(row) || !isOpen()) await load(pkOf(row));
  if (andReason) document.getElementById("drawer-reason")?.focus();
}

export function close() {
  sessionStorage.removeItem(OPEN);
  clearTimeout(timer);
  request?.abort();
  shown = wanted = null;
  drawer.replaceChildren();
  focusRow(currentRow());
}

export function follow(row) {
  if (!sessionStorage.getItem(OPEN) || drawer.contains(document.activeElement)) return;
  clearTimeout(timer);
  wanted = pkOf(row);
  timer = setTimeout(() => pkOf(row) !== shown && load(pkOf(row)), isOpen() ? WAIT : 0);
}

document.addEventListener("desk:cursor", (event) => follow(event.detail));
document.addEventListener("desk:changed", (event) => {
  if (isOpen() && event.detail === shown && shown === wanted && !drawer.contains(document.activeElement)) load(shown);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close-drawer]")) {
    event.preventDefault();
    close();
  }
  const link = event.target.closest("[data-details]");
  if (link && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    const row = link.closest("tr[data-row]");
    focusRow(row);
    open(row);
  }
});
