/* The review table from the keyboard, and decisions that survive a lost connection.
   Keys only press the buttons that are there anyway; without this file the page works the same. */
const SWITCH = "certify-single-keys";
const RETRY_SECONDS = [1, 2, 5, 10, 20, 30];
const rows = () => [...document.querySelectorAll("tr[data-row]")];
let current = null;
let lastSelected = null;
const unsaved = new Map();

const keysOn = () => localStorage.getItem(SWITCH) !== "off";
const isTyping = (target) => target.closest("input:not([type=checkbox]), textarea, select, dialog[open], [contenteditable]");

function focusRow(row) {
  if (!row) return;
  current = row.id;
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  const drawer = document.getElementById("drawer");
  if (drawer.childElementCount && row.dataset.drawer) openDrawer(row);
}

function openDrawer(row) {
  htmx.ajax("GET", row.dataset.drawer, { target: "#drawer", swap: "innerHTML" });
}

function currentRow() {
  return document.getElementById(current) ?? rows()[0];
}

function move(step) {
  const all = rows();
  const at = all.findIndex((row) => row.id === current);
  focusRow(at < 0 ? all[0] : all[Math.min(all.length - 1, Math.max(0, at + step))]);
}

function nextOpen(after) {
  const all = rows();
  const at = all.findIndex((row) => row.id === after);
  const waits = (row) => row.dataset.state === "open" && !row.dataset.busy;
  return all.slice(at + 1).find(waits) ?? all.find(waits);
}

function tick(row, range) {
  const box = row?.querySelector("input[name=item]");
  if (!box) return;
  box.checked = !box.checked;
  const all = rows();
  const from = all.findIndex((one) => one.id === lastSelected);
  const to = all.indexOf(row);
  if (range && from >= 0) {
    all.slice(Math.min(from, to), Math.max(from, to) + 1).forEach((one) => {
      const other = one.querySelector("input[name=item]");
      if (other) other.checked = true;
    });
  }
  lastSelected = row.id;
  countSelected();
}

function countSelected() {
  const count = document.querySelectorAll("input[name=item]:checked").length;
  document.querySelectorAll("[data-selected-count]").forEach((place) => {
    place.textContent = `${count} selected`;
  });
}

/* The cursor goes on at once, so that a fast reviewer's next key never lands on a row whose answer is still on its way. */
function act(row, name) {
  const button = row?.querySelector(`[data-act="${name}"]`);
  if (!button || row.dataset.busy) return;
  row.dataset.busy = "yes";
  button.click();
  if (name !== "undo") focusRow(nextOpen(row.id) ?? row);
}

const acts = { a: "approve", r: "revoke", d: "dont_know", z: "undo" };

function press(key, event) {
  const row = currentRow();
  if (acts[key]) {
    act(row, acts[key]);
  } else if (key === "j" || key === "ArrowDown") {
    move(1);
  } else if (key === "k" || key === "ArrowUp") {
    move(-1);
  } else if (key === "Enter" && event.target.matches("tr[data-row], body, main")) {
    if (row) openDrawer(row);
  } else if (key === "c") {
    (row?.querySelector("[data-reason]") ?? document.getElementById("drawer-reason"))?.focus();
  } else if (key === "x" || key === "X") {
    tick(row, key === "X");
  } else if (key === "/") {
    document.querySelector("[data-search]")?.focus();
  } else if (key === "f") {
    document.querySelector(".facets a")?.focus();
  } else if (key === "?") {
    document.getElementById("help")?.showModal();
  } else {
    return false;
  }
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !isTyping(event.target)) {
    document.querySelector("[data-submit]")?.click();
    return;
  }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("[data-reason]")) {
    event.target.form.requestSubmit();
    return;
  }
  if (event.key === "Escape" && isTyping(event.target) && event.target.closest("tr[data-row]")) {
    focusRow(event.target.closest("tr[data-row]"));
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || !keysOn()) return;
  if (press(event.key, event)) event.preventDefault();
});

document.addEventListener("focusin", (event) => {
  const row = event.target.closest("tr[data-row]");
  if (row) current = row.id;
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-select-all]")) {
    document.querySelectorAll("input[name=item]").forEach((box) => {
      box.checked = event.target.checked;
    });
  }
  if (event.target.matches("[data-keys-toggle]")) {
    localStorage.setItem(SWITCH, event.target.checked ? "on" : "off");
  }
  countSelected();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close-drawer]")) {
    event.preventDefault();
    document.getElementById("drawer").replaceChildren();
    focusRow(currentRow());
  }
});

/* After a decision the cursor goes to the next row to decide; where a reason is asked, into its box. */
document.addEventListener("htmx:afterSwap", (event) => {
  const id = event.detail.target.id;
  if (!id?.startsWith("item-")) return;
  const row = document.getElementById(id);
  unsaved.delete(id);
  const box = row?.querySelector("[data-reason]");
  if (box) {
    box.focus();
  } else if (current === id || document.activeElement === document.body) {
    focusRow(row?.dataset.state === "open" ? row : (nextOpen(id) ?? row));
  }
  countSelected();
});

/* A lost connection loses nothing: the row says so, and the same request is sent again until it is answered. */
function retry(event) {
  const row = event.detail.target?.closest?.("tr[data-row]");
  if (!row || (event.detail.xhr.status && event.detail.xhr.status < 500)) return;
  const tries = unsaved.get(row.id)?.tries ?? 0;
  const seconds = RETRY_SECONDS[Math.min(tries, RETRY_SECONDS.length - 1)];
  const { path, parameters } = event.detail.requestConfig;
  unsaved.set(row.id, { tries: tries + 1 });
  const status = row.querySelector("[data-row-status]");
  if (status) status.textContent = "Not saved, retrying";
  setTimeout(() => htmx.ajax("POST", path, { target: `#${row.id}`, swap: "outerHTML", values: Object.fromEntries(parameters.entries?.() ?? Object.entries(parameters)) }), seconds * 1000);
}
document.addEventListener("htmx:sendError", retry);
document.addEventListener("htmx:responseError", retry);
window.addEventListener("beforeunload", (event) => {
  if (unsaved.size) event.preventDefault();
});

document.querySelectorAll("[data-keys-toggle]").forEach((box) => {
  box.checked = keysOn();
});
countSelected();
