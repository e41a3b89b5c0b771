/* Other pages of the same desk: another facet, another view, the next rows. The drawer stays, the address follows. */
import { countTicked, focusRow, nextOpen, rows } from "./rows.js";
import { markWaiting } from "./outbox.js";

const ENOUGH = 50;
let coming = null;

async function get(url) {
  const answer = await fetch(url, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/* Shows another list. Where it cannot be fetched the browser goes there itself, and says why. */
export async function go(url, key, isBack = false) {
  document.getElementById("items").setAttribute("aria-busy", "true");
  let page;
  try {
    page = await get(url);
  } catch {
    location.assign(url);
    return;
  }
  for (const id of ["filters", "items"]) document.getElementById(id).replaceWith(page.getElementById(id));
  const desk = document.getElementById("desk");
  if (!isBack) history.pushState({}, "", url);
  desk.dataset.since = page.getElementById("desk").dataset.since;
  markWaiting();
  countTicked();
  const link = key && document.querySelector(`[data-go="${CSS.escape(key)}"]`);
  if (link) link.focus();
  else focusRow(nextOpen(null) ?? rows()[0]);
}

/* The rows after those that are here, appended; at the end of them nothing happens. */
export function moreRows() {
  const link = document.querySelector("[data-more-rows]");
  if (!link || coming) return coming ?? Promise.resolve();
  coming = get(link.href)
    .then((page) => {
      const body = document.querySelector("#rows tbody");
      const fresh = [...page.querySelectorAll("#rows tbody > tr")];
      const groups = [...document.querySelectorAll("#rows tr.group")];
      if (fresh[0]?.matches(".group") && groups.at(-1)?.dataset.group === fresh[0].dataset.group) fresh.shift();
      body.append(...fresh.filter((row) => !row.id || !document.getElementById(row.id)));
      const next = page.querySelector("[data-more-rows]");
      if (next) link.href = next.href;
      else link.closest(".pages").remove();
      markWaiting();
    })
    .catch(() => {})
    .finally(() => {
      coming = null;
    });
  return coming;
}

export const isComing = () => coming;
export const hasMore = () => Boolean(coming || document.querySelector("[data-more-rows]"));

/* Fetches ahead while a reviewer goes down the list. */
export function soonMore(remaining) {
  if (remaining < ENOUGH) moreRows();
}

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const link = event.target.closest("a[data-go]");
  if (link) {
    event.preventDefault();
    go(link.href, link.dataset.go);
  }
  if (event.target.closest("[data-more-rows]")) {
    event.preventDefault();
    const last = rows().at(-1);
    moreRows().then(() => focusRow(rows()[rows().indexOf(last) + 1]));
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest("#filters form");
  if (!form) return;
  event.preventDefault();
  go(`${location.pathname}?${new URLSearchParams(new FormData(form))}`);
});

addEventListener("popstate", () => go(location.href, null, true));
