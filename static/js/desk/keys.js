/* The review from the keyboard. Single letters can be switched off; arrows, Enter and Ctrl+Enter always work. */
import * as acts from "./acts.js";
import * as drawer from "./drawer.js";
import { isComing } from "./pages.js";
import { currentRow, focusRow, move, nextOpen, tick } from "./rows.js";
import { token } from "./outbox.js";

const desk = document.getElementById("desk");
const isTyping = (target) => target.closest("input:not([type=checkbox]), textarea, select, dialog[open], [contenteditable]");

const letters = {
  j: () => move(1),
  k: () => move(-1),
  a: (row) => decide(row, "approve"),
  r: (row) => decide(row, "revoke"),
  u: (row) => acts.ask(row, "reduce"),
  d: (row) => acts.ask(row, "dont_know"),
  g: (row) => acts.give(row),
  z: (row) => acts.undo(row),
  c: (row) => reason(row),
  x: (row) => tick(row, false),
  X: (row) => tick(row, true),
  "/": () => document.querySelector("[data-search]")?.focus(),
  f: () => document.querySelector("#filters a")?.focus(),
  "?": () => document.getElementById("help")?.showModal(),
};
const ONCE = "arudgzc"; // a key that is held down decides one row, not all of them

/* Presses at the end of the rows that are here wait, in their order, for those that are on their way. */
const waiting = [];
const mustWait = (row) => isComing() && (row?.dataset.busy || row?.dataset.state !== "open");

function decide(row, code) {
  if (waiting.length || mustWait(row)) {
    waiting.push(code);
    if (waiting.length === 1) isComing().then(drain);
  } else {
    acts.decide(row, code);
  }
}

/* There may be more presses than rows have come: the rest waits again. */
function drain() {
  while (waiting.length) {
    const row = currentRow();
    if (mustWait(row)) {
      isComing().then(drain);
      return;
    }
    acts.decide(row, waiting.shift());
  }
}

function reason(row) {
  const box = row?.querySelector("[data-reason]");
  if (box) box.focus();
  else if (row) drawer.open(row, { andReason: true });
}

function command(event) {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return false;
  if (event.target.closest("tr form[data-decide]")) event.target.form.requestSubmit();
  else if (event.target.closest("#drawer")) focusRow(currentRow()); // the reason waits there for the key that decides
  else if (!isTyping(event.target)) document.querySelector("[data-submit]")?.click();
  return true;
}

function escape(event) {
  const row = event.target.closest("tr[data-row]");
  if (row && isTyping(event.target)) acts.leave(row);
  else if (event.target.closest("#drawer") && isTyping(event.target)) focusRow(currentRow());
  else if (event.target.matches("[data-search]")) focusRow(currentRow() ?? nextOpen(null));
  else if (drawer.isOpen()) drawer.close();
}

document.addEventListener("keydown", (event) => {
  if (command(event)) return;
  if (event.key === "Escape" && !event.target.closest("dialog[open]")) {
    escape(event);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const row = currentRow();
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (event.target.closest("#filters, #drawer, #tabs")) return;
    move(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter" && event.target.matches("tr[data-row], body, main, #rows")) {
    if (row) drawer.open(row);
  } else if (desk.dataset.keys !== "off" && letters[event.key]) {
    if (!event.repeat || !ONCE.includes(event.key)) letters[event.key](row);
  } else {
    return;
  }
  event.preventDefault();
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-keys-toggle]")) return;
  desk.dataset.keys = event.target.checked ? "on" : "off";
  const data = new FormData();
  data.set("single_keys", event.target.checked ? "on" : "");
  fetch(event.target.dataset.keysToggle, { method: "POST", body: data, headers: { "X-CSRFToken": token() } });
});
