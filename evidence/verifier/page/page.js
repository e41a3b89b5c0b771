"use strict";
const place = (id) => document.getElementById(id);
const make = (name, text, className = "") => Object.assign(document.createElement(name), { textContent: text, className });
const INSTEAD = "Run “python3 -I verify.py PACK.zip” instead: it needs Python 3.9 or later and nothing else.";

// --- verify.py and its Python, in a worker ----------------------------------------------------------------------------------------

async function unpacked(id) {
  const raw = Uint8Array.from(atob(place(id).textContent), (mark) => mark.charCodeAt(0));
  return new Response(new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}

const textOf = async (id) => new TextDecoder().decode(await unpacked(id));

/* The worker that is ready for the next pack, or a promise of it. */
async function begin() {
  const names = ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"];
  const bodies = await Promise.all(names.map(unpacked));
  const files = Object.fromEntries(names.map((name, number) => [name, bodies[number]]));
  const address = URL.createObjectURL(new Blob([await textOf("worker.js")], { type: "text/javascript" }));
  const worker = new Worker(address);
  await new Promise((ready, failed) => {
    worker.onmessage = ({ data }) => (data.kind === "ready" ? ready() : failed(new Error(data.value)));
    worker.onerror = (event) => failed(new Error(event.message || "this browser does not let the page start a worker"));
    Promise.all([textOf("verify.py"), textOf("host.py")]).then(([verifier, host]) => worker.postMessage({ kind: "start", files, verifier, host }));
  });
  return worker;
}

let worker = null;
const started = () => (worker ??= begin());

async function end() {
  const old = worker;
  worker = null;
  isBusy = false;
  (await old?.catch(() => null))?.terminate();
}

// --- what verify.py printed, line by line -----------------------------------------------------------------------------------------

const CHECK = /^\[(held|FAILED|not checked)\] +(.*)$/;

function shown(line) {
  const [, word, text] = CHECK.exec(line) ?? [];
  if (word) {
    const row = make("li", "", word.split(" ")[0].toLowerCase());
    row.append(make("b", word), make("span", text));
    place("checks").append(row);
  } else if (/^ /.test(line) && place("checks").lastChild) {
    const row = place("checks").lastChild;
    if (row.lastChild.nodeName !== "UL") row.append(make("ul", ""));
    row.lastChild.append(make("li", line.trim()));
  } else if (/^Verdict: |^The pack could not be checked: /.test(line)) {
    place("verdict").textContent = line;
  } else if (line) {
    place("about").append(make("p", line));
  }
  place("result").hidden = false;
}

function cleared() {
  for (const id of ["verdict", "about", "checks", "printed"]) place(id).replaceChildren();
  place("verdict").className = "";
  place("result").hidden = true;
}

// --- the page ---------------------------------------------------------------------------------------------------------------------

let latest = 0; // what was chosen later says what is shown
let clock = 0;
let isBusy = false;
let at = ""; // the file that is read; not in the live region, where it would be read out some hundred times

function running(on) {
  clearInterval(clock);
  at = "";
  place("elapsed").textContent = "";
  place("stop").hidden = !on;
  if (!on) return;
  const since = performance.now();
  const tick = () => { place("elapsed").textContent = `${at} ${Math.round((performance.now() - since) / 1000)} s`; };
  clock = setInterval(tick, 200);
}

const progress = (text, className = "") => Object.assign(place("progress"), { textContent: text, className });

function concluded(status, lines) {
  place("printed").textContent = lines.join("\n");
  place("verdict").className = status === 0 ? "good" : "bad";
  progress(`Checked. Exit status ${status}: ${["everything held", "something did not hold", "something you asked for could not be checked"][status]}.`);
}

/* Settled when the worker has said all it has to say about one pack. */
function checked(own, given, isLatest) {
  const lines = [];
  return new Promise((done, failed) => {
    own.onerror = (event) => failed(new Error(event.message));
    own.onmessage = ({ data: { kind, value } }) => {
      if (!isLatest()) return;
      if (kind === "reading") at = value;
      if (kind === "line" || kind === "error") { lines.push(value); shown(value); }
      if (kind === "broken") failed(new Error(value));
      if (kind === "done") done([value, lines]);
    };
    own.postMessage({ kind: "run", ...given });
  });
}

async function check() {
  const number = (latest += 1), pack = place("pack").files[0], isLatest = () => number === latest;
  if (isBusy) await end(); // a program that runs cannot be asked to stop
  cleared();
  place("again").disabled = !pack;
  progress("");
  running(Boolean(pack));
  if (!pack) return;
  const given = {
    pack,
    checkpoint: place("checkpoint").files[0],
    key: place("key").value.trim(),
    witnesses: place("witnesses").value.split("\n").map((one) => one.trim()).filter(Boolean),
  };
  try {
    progress("Starting Python …");
    const own = await started();
    if (!isLatest()) return;
    isBusy = true;
    progress("Checking …");
    const [status, lines] = await checked(own, given, isLatest);
    isBusy = false;
    if (isLatest()) concluded(status, lines);
  } catch (error) {
    await end();
    if (!isLatest()) return;
    cleared();
    cannot(error);
  }
  if (isLatest()) running(false);
}

const cannot = (error) => progress(`This browser could not check the pack (${error.message}). ${INSTEAD}`, "bad");

async function stop() {
  latest += 1;
  running(false);
  cleared();
  progress("Stopped. Nothing is known about this pack.");
  if (isBusy) await end();
}

place("pack").addEventListener("change", check);
place("again").addEventListener("click", check);
place("stop").addEventListener("click", stop);
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    place("drop").classList.toggle("over", kind === "dragover");
    if (kind !== "drop" || !event.dataTransfer.files.length) return;
    place("pack").files = event.dataTransfer.files;
    check();
  });
}
progress("");
started().catch(cannot); // while a file is being chosen
