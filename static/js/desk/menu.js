/* The menu of further answers: one for all rows, beside the button that opened it. */
import * as acts from "./acts.js";
import * as drawer from "./drawer.js";

const menu = document.getElementById("more");
let opener = null;

const entries = () => [...menu.querySelectorAll("[role=menuitem]")];

function open(button) {
  opener = button;
  menu.showPopover();
  const box = button.getBoundingClientRect();
  const top = box.bottom + menu.offsetHeight > innerHeight ? box.top - menu.offsetHeight : box.bottom;
  menu.style.top = `${Math.max(4, top)}px`;
  menu.style.left = `${Math.max(4, Math.min(box.right, innerWidth - 8) - menu.offsetWidth)}px`;
  button.setAttribute("aria-expanded", "true");
  entries()[0].focus();
}

function close(andFocus = true) {
  if (!menu.matches(":popover-open")) return;
  menu.hidePopover();
  opener?.setAttribute("aria-expanded", "false");
  if (andFocus) opener?.focus();
}

const does = {
  reduce: (row) => acts.ask(row, "reduce"),
  until: (row) => acts.ask(row, "approve", "&until=yes"),
  dont_know: (row) => acts.ask(row, "dont_know"),
  give: (row) => acts.give(row),
  details: (row) => drawer.open(row),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-more]");
  const entry = event.target.closest("[data-do]");
  if (button) {
    event.preventDefault();
    if (menu.matches(":popover-open") && opener === button) close();
    else open(button);
  } else if (entry) {
    const row = opener.closest("tr[data-row]");
    close();
    does[entry.dataset.do](row);
  } else {
    close(false);
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === " " && event.target.matches("[data-more]")) {
    event.preventDefault();
    event.target.click();
  }
});

menu?.addEventListener("keydown", (event) => {
  event.stopPropagation();
  const all = entries();
  const at = all.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (to !== undefined) all[(to + all.length) % all.length].focus();
  else if (event.key === "Escape" || event.key === "Tab") close();
  else return;
  event.preventDefault();
});
