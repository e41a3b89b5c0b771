/* What happens elsewhere: rows that were decided in another window or by somebody else, and the counts beside the table. */
import { fetchRow } from "./acts.js";
import { isUnderway } from "./outbox.js";
import { replaceRow, rowOf } from "./rows.js";
import { say } from "./words.js";

const EVERY = 12_000;
const SOON = 900;
const MANY = 15;
const desk = document.getElementById("desk");
let timer = null;

/* A row that somebody is answering is left alone: what they send says which decision they saw, and is refused if that has changed. */
const isFree = (row) => !isUnderway(row) && !row.querySelector("[data-reason]");

async function look() {
  if (document.hidden || !desk.dataset.open) return;
  const answer = await fetch(`${desk.dataset.url}changes/?since=${desk.dataset.since}`, { headers: { "HX-Request": "true" } });
  if (!answer.ok) return;
  const found = await answer.json();
  desk.dataset.since = found.since;
  const other = Object.entries(found.rows).filter(([pk, uid]) => rowOf(pk) && rowOf(pk).dataset.uid !== uid && isFree(rowOf(pk)));
  await Promise.all(other.slice(0, MANY).map(([pk]) => refresh(pk)));
  if (other.length) beside();
}

async function refresh(pk) {
  const fresh = await fetchRow(pk);
  const row = rowOf(pk);
  if (!fresh || !row || !isFree(row)) return;
  fresh.classList.add("elsewhere");
  fresh.querySelector("[data-row-status]")?.append(" ", Object.assign(document.createElement("small"), { textContent: say("Elsewhere") }));
  replaceRow(row, fresh);
}

/* The counts, a moment after the last decision: answers that overtook each other may have left older ones. What has the focus keeps it. */
function beside() {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const query = new URLSearchParams(location.search);
    const state = document.getElementById("items").dataset.state;
    query.set("part", "facets");
    query.set("state", state || "all");
    query.delete("after");
    const answer = await fetch(`${desk.dataset.url}?${query}`).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const filters = document.getElementById("filters");
    if (!filters.contains(document.activeElement)) keepOpen(filters, page.getElementById("filters"));
    const tabs = document.getElementById("tabs");
    if (!tabs.contains(document.activeElement)) tabs.replaceWith(page.getElementById("tabs"));
    for (const id of ["counts", "sign"]) {
      const place = document.getElementById(id);
      if (place && !place.contains(document.activeElement)) place.replaceChildren(...page.getElementById(id).childNodes);
    }
  }, SOON);
}

function keepOpen(old, fresh) {
  const opened = [...old.querySelectorAll("details")].map((one) => one.open);
  fresh.querySelectorAll("details").forEach((one, at) => {
    one.open = opened[at] ?? false;
  });
  const top = old.scrollTop;
  old.replaceWith(fresh);
  fresh.scrollTop = top;
}

const quietly = () => look().catch(() => {});
setInterval(quietly, EVERY);
document.addEventListener("visibilitychange", quietly);
addEventListener("online", quietly);
document.addEventListener("desk:changed", beside);
