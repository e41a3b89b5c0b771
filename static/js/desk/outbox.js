/* Decisions on their way. Each is written down in the browser before it is sent and crossed out when the server has answered, and has
   a number by which the server knows it again: a lost connection, a closed lid or a reload loses none and repeats none. */
import { pkOf, rowOf } from "./rows.js";
import { say } from "./words.js";

const WAITS = [1, 2, 5, 10, 20, 30];
const desk = document.getElementById("desk");
const KEY = `certify-outbox-${desk?.dataset.owner}`;
const under = new Map(); // row → the promise of its last act

export const token = () => document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
export const isUnderway = (row) => under.has(pkOf(row));

function number() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function written() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}

function write(entries) {
  try {
    localStorage.setItem(KEY, JSON.stringify(entries));
  } catch {
    // Without storage an act still waits in this page; only a reload would lose it, and the page warns before that.
  }
}

const remember = (entry) => write([...written().filter((one) => one.number !== entry.number), entry]);
const forget = (entry) => write(written().filter((one) => one.number !== entry.number));

function tell(pk, words) {
  const row = rowOf(pk);
  const place = row?.querySelector("[data-row-status]");
  if (!place) return;
  row.dataset.busy = "yes";
  place.replaceChildren(Object.assign(document.createElement("span"), { className: "waits", textContent: words }));
}

const pause = (seconds) =>
  new Promise((done) => {
    const timer = setTimeout(done, seconds * 1000);
    addEventListener("online", () => [clearTimeout(timer), done()], { once: true });
  });

function body(entry) {
  const data = new FormData();
  entry.fields.forEach(([name, value]) => data.append(name, value));
  data.set("number", entry.number);
  return data;
}

async function attempt(entry) {
  const request = { method: "POST", body: body(entry), signal: AbortSignal.timeout(20_000) };
  request.headers = { "HX-Request": "true", "X-CSRFToken": token() };
  const answer = await fetch(entry.path, request);
  if (answer.status >= 500 || answer.status === 408 || answer.status === 429) throw new Error(String(answer.status));
  return answer;
}

/* Sends until the server has answered, whatever it says. */
async function deliver(entry, isReplay) {
  for (let tries = 0; ; tries += 1) {
    let answer = null;
    try {
      answer = await attempt(entry);
    } catch {
      tell(entry.pk, say("Retrying"));
      await pause(WAITS[Math.min(tries, WAITS.length - 1)]);
      continue;
    }
    const home = answer.headers.get("HX-Redirect");
    if (home) {
      location.assign(`/sign-in/?next=${encodeURIComponent(location.pathname + location.search)}`);
      return new Promise(() => {});
    }
    if (answer.status === 403 && !isReplay) {
      tell(entry.pk, say("Reload"));
      return null;
    }
    forget(entry);
    return { status: answer.status, html: await answer.text() };
  }
}

/* Put an act of a row on its way; acts of one row go one after the other. Resolves to {status, html}. */
export function send(pk, path, data, words) {
  const fields = [...data.entries()].filter(([, value]) => !(value instanceof File && !value.size));
  const entry = { number: number(), pk, path, fields, words };
  const isKept = fields.every(([, value]) => typeof value === "string");
  if (isKept) remember(entry);
  return chain(pk, () => deliver(entry, false));
}

function chain(pk, work) {
  const before = under.get(pk) ?? Promise.resolve();
  const promise = before.then(work);
  under.set(pk, promise);
  const row = rowOf(pk);
  if (row) row.dataset.busy = "yes";
  desk.dataset.sending = under.size;
  promise.finally(() => {
    if (under.get(pk) === promise) under.delete(pk);
    desk.dataset.sending = under.size;
  });
  return promise;
}

/* What the last page could not deliver. `then` gets each answer. */
export function replay(then) {
  for (const entry of written()) {
    tell(entry.pk, say("Retrying"));
    chain(entry.pk, () => deliver(entry, true)).then((answer) => then(entry, answer));
  }
}

/* Rows that came from the server while an act of theirs is still on its way. */
export function markWaiting() {
  written().forEach((entry) => tell(entry.pk, say("Retrying")));
}

export const after = (pk) => under.get(pk) ?? Promise.resolve();

addEventListener("beforeunload", (event) => {
  if (under.size > written().length) event.preventDefault();
});
