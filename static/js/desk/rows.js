/* The rows of the table and the cursor: the row that keys act on. The cursor is an id, so that it survives whatever replaces the row. */
import { say } from "./words.js";

let cursor = null;
let place = 0;
let lastTicked = null;

export const rows = () => [...document.querySelectorAll("tr[data-row]")];
export const rowOf = (pk) => document.getElementById(`item-${pk}`);
export const pkOf = (row) => row.id.slice("item-".length);

/* The row under the cursor; where it is gone, the one that took its place. */
export function currentRow() {
  const found = cursor && document.getElementById(cursor);
  return found ?? (cursor ? rows()[Math.min(place, rows().length - 1)] : null);
}

export function setCursor(row) {
  cursor = row.id;
  place = rows().indexOf(row);
  document.dispatchEvent(new CustomEvent("desk:cursor", { detail: row }));
}

export function focusRow(row) {
  if (!row) return;
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  setCursor(row);
}

export function move(step) {
  const all = rows();
  const at = all.indexOf(currentRow());
  focusRow(at < 0 ? all[0] : all[Math.min(all.length - 1, Math.max(0, at + step))]);
}

const waits = (row) => row.dataset.state === "open" && row.dataset.can && !row.dataset.busy;
const below = (row) => rows().slice(rows().indexOf(row) + 1).filter(waits);

export const nextBelow = (row) => below(row)[0];
export const countBelow = (row) => below(row).length;

/* The next row that waits for a decision: below, else from the top. */
export const nextOpen = (row) => nextBelow(row) ?? rows().find(waits);

/* Put a new row in the place of an old one. The focus stays where it was: in the row, or where a reason is asked in its box. */
export function replaceRow(old, fresh) {
  const had = old.contains(document.activeElement);
  const ticked = old.querySelector("input[name=item]")?.checked || old.dataset.ticked;
  old.replaceWith(fresh);
  const box = fresh.querySelector("input[name=item]");
  if (box && ticked) box.checked = true;
  else if (ticked) fresh.dataset.ticked = "yes";
  const asked = fresh.querySelector("[data-asked], [data-reason]");
  if (asked && !document.activeElement.closest("input:not([type=checkbox]), textarea, dialog[open]")) asked.focus();
  else if (had) fresh.focus({ preventScroll: true });
  countTicked();
}

export function tick(row, isRange) {
  const box = row?.querySelector("input[name=item]");
  if (!box) return;
  box.checked = !box.checked;
  const all = rows();
  const from = all.findIndex((one) => one.id === lastTicked);
  if (isRange && from >= 0) {
    const to = all.indexOf(row);
    all.slice(Math.min(from, to), Math.max(from, to) + 1).forEach((one) => {
      const other = one.querySelector("input[name=item]");
      if (other) other.checked = true;
    });
    box.checked = true;
  }
  lastTicked = row.id;
  countTicked();
}

export function countTicked() {
  const count = document.querySelectorAll("input[name=item]:checked").length;
  document.querySelectorAll("[data-selected-count]").forEach((place) => {
    place.textContent = say("Selected", { count });
  });
  const bulk = document.getElementById("bulk");
  bulk?.classList.toggle("has-selection", count > 0 || Boolean(bulk.querySelector("[name=everything]:checked")));
}

document.addEventListener("focusin", (event) => {
  const row = event.target.closest("tr[data-row]");
  if (row && row.id !== cursor) setCursor(row);
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-select-all]")) {
    document.querySelectorAll("input[name=item]").forEach((box) => {
      box.checked = event.target.checked;
    });
  }
  countTicked();
});
