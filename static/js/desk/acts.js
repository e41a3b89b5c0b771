/* What is done with a row, whether by a key, a button or the menu: decide, undo, ask for what a decision needs. */
import * as outbox from "./outbox.js";
import { hasMore, moreRows, soonMore } from "./pages.js";
import { say } from "./words.js";
import { countBelow, countTicked, currentRow, focusRow, nextBelow, nextOpen, pkOf, replaceRow, rowOf } from "./rows.js";

const KEPT_IN_SIGHT = 5;
const desk = document.getElementById("desk");
const history = []; // decided in this page, the latest last

const path = (pk, end) => `${desk.dataset.url}items/${pk}/${end}/`;

export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/* Takes in what the server says of a row, and where things stand. */
export function take(pk, answer) {
  if (!answer) return;
  const content = parse(answer.html);
  const fresh = content.querySelector("tr[data-row]");
  const old = rowOf(pk);
  if (fresh && old) replaceRow(old, document.importNode(fresh, true));
  else if (old && answer.status >= 400) gone(old);
  for (const id of ["counts", "sign"]) {
    const now = content.querySelector("template")?.content.querySelector(`#${id}`);
    if (now) document.getElementById(id)?.replaceChildren(...now.childNodes);
  }
  document.dispatchEvent(new CustomEvent("desk:changed", { detail: pk }));
}

function gone(row) {
  const place = row.querySelector("[data-row-status]") ?? row.lastElementChild;
  place.textContent = say("Gone");
  row.dataset.state = "gone";
  delete row.dataset.can;
}

function act(row, data) {
  const pk = pkOf(row);
  const sent = outbox.send(pk, path(pk, "decide"), data, row.querySelector(".name")?.textContent ?? "");
  return sent.then((answer) => {
    take(pk, answer);
    if (answer?.status === 200) tidy(pk, data.get("code"));
    return answer;
  });
}

/* Decided rows move to Decided: a few stay in sight above the cursor, so that a slip is seen and undone. */
function tidy(pk, code) {
  if (code !== "undo") history.push(pk);
  if (document.getElementById("items").dataset.state !== "open") return;
  const decided = history.map(rowOf).filter((row) => row?.dataset.state === "draft");
  for (const row of decided.slice(0, -KEPT_IN_SIGHT)) {
    if (row !== currentRow() && !row.contains(document.activeElement)) row.remove();
  }
  document.querySelectorAll("tr.group").forEach((group) => {
    if (!group.nextElementSibling?.matches("[data-row]")) group.remove();
  });
  countTicked();
}

function formData(row, code) {
  const data = new FormData();
  data.set("code", code);
  data.set("expected", row.dataset.uid ?? "");
  return data;
}

/* The reason that stands in the details, when they show this row. */
const typed = (row) => document.querySelector(`#drawer [data-decide="${pkOf(row)}"] [name=rationale]`)?.value.trim() ?? "";

/* The cursor goes on at once, so that the next key never meets a row whose answer is still on its way. */
export function decide(row, code) {
  if (!row?.dataset.can || row.dataset.busy || row.dataset.state !== "open") return false;
  const reason = typed(row);
  if (row.dataset.asks?.includes(code) && !reason) {
    ask(row, code);
    return true;
  }
  const data = formData(row, code);
  data.set("rationale", reason);
  act(row, data);
  goOn(row);
  return true;
}

/* To the next row below; past the last one that is here comes the next page, and only then what was left out above. */
function goOn(row) {
  const next = nextBelow(row);
  if (next) {
    focusRow(next);
    soonMore(countBelow(next));
  } else if (hasMore()) {
    focusRow(row);
    moreRows().then(() => onwards(row.id));
  } else {
    focusRow(nextOpen(row) ?? row);
  }
}

/* The row may meanwhile be another element: its answer has put a new one in its place. */
function onwards(id) {
  const row = currentRow();
  if (row?.id === id) focusRow(nextOpen(row) ?? row);
}

/* Undoes the row under the cursor; where that is not decided, the last decision of this page. */
export function undo(row) {
  const isDecided = row && (row.dataset.state === "draft" || row.dataset.busy);
  const pk = isDecided ? pkOf(row) : history.at(-1);
  if (!pk) return;
  if (history.includes(pk)) history.splice(history.indexOf(pk), 1);
  outbox.after(pk).then(() => {
    const found = rowOf(pk);
    if (found?.dataset.state === "draft") act(found, formData(found, "undo")).then(() => focusRow(rowOf(pk)));
    else if (!found) fetchRow(pk).then((fresh) => bringBack(pk, fresh));
  });
}

/* A row that has moved to Decided comes back above the cursor. */
function bringBack(pk, fresh) {
  if (!fresh) return;
  const here = currentRow();
  if (here) here.before(fresh);
  else document.querySelector("#rows tbody")?.append(fresh);
  act(fresh, formData(fresh, "undo")).then(() => focusRow(rowOf(pk)));
}

export async function fetchRow(pk, query = "") {
  const answer = await fetch(`${path(pk, "row")}${query}`, { headers: { "HX-Request": "true" } });
  if (!answer.ok) return null;
  const fresh = parse(await answer.text()).querySelector("tr[data-row]");
  return fresh && document.importNode(fresh, true);
}

/* Asks in the row for what this answer needs: a reason, what is left, until when. */
export async function ask(row, code, extra = "") {
  if (!row?.dataset.can || row.dataset.busy || row.dataset.state !== "open") return;
  focusRow(row);
  row.dataset.busy = "yes";
  const fresh = await fetchRow(pkOf(row), `?ask=${code}${extra}`).catch(() => null);
  const old = document.getElementById(row.id);
  if (fresh && old) replaceRow(old, fresh);
  else if (old) delete old.dataset.busy;
}

/* Leaves a question; the row is as it was. The focus leaves the box at once, so that the next key is a key again. */
export async function leave(row) {
  focusRow(row);
  const fresh = await fetchRow(pkOf(row)).catch(() => null);
  const old = document.getElementById(row.id);
  if (fresh && old) replaceRow(old, fresh);
}

export function give(row) {
  const form = document.getElementById("give");
  if (!form || !row?.dataset.can) return;
  form.elements.item.value = pkOf(row);
  form.submit();
}

/* Every form that decides, wherever it stands: in a row, or in the drawer. */
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-decide]");
  if (!form) return;
  const row = form.closest("tr[data-row]") ?? rowOf(form.dataset.decide);
  if (!row) return;
  event.preventDefault();
  if (row.dataset.busy) return;
  const data = new FormData(form, event.submitter);
  if (form.closest("tr") && !row.querySelector("[data-reason]") && row.dataset.asks?.includes(data.get("code"))) {
    ask(row, data.get("code"));
    return;
  }
  data.delete("csrfmiddlewaretoken");
  const isUndo = data.get("code") === "undo";
  const sent = act(row, data);
  if (isUndo) focusRow(row);
  else if (form.closest("tr")) goOn(row);
  if (!form.closest("tr")) sent.then((answer) => answer?.status === 200 && goOn(rowOf(pkOf(row)) ?? currentRow()));
});

document.addEventListener("click", (event) => {
  const cancel = event.target.closest("[data-cancel]");
  if (!cancel) return;
  event.preventDefault();
  leave(cancel.closest("tr[data-row]"));
});
