/* Runs verify.py, unchanged, in the CPython of Pyodide. Everything it needs came with the page; it asks no network for anything. */
let runtime, program;

const tell = (kind, value) => postMessage({ kind, value });

/* Pyodide fetches its WebAssembly and its library; both are answered from memory, and nothing else is. */
function answerFromMemory(files) {
  globalThis.fetch = async (address) => {
    const name = new URL(address).pathname.split("/").pop();
    if (!(name in files)) throw new TypeError(`${address} is not part of this page, which opens no network connection`);
    const type = name.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
    return new Response(files[name], { headers: { "Content-Type": type } });
  };
}

/* Chromium starts no module worker for a page from the disk, and Pyodide none that has importScripts; with neither it works. */
globalThis.importScripts = () => { throw new TypeError("this worker imports modules"); };
const module = (bytes) => import(URL.createObjectURL(new Blob([bytes], { type: "text/javascript" })));

async function start({ files, verifier, host }) {
  answerFromMemory(files);
  const { loadPyodide } = await module(files["pyodide.mjs"]);
  const { default: createPyodideModule } = await module(files["pyodide.asm.mjs"]);
  runtime = await loadPyodide({
    createPyodideModule,
    indexURL: "memory:///",
    lockFileContents: { info: { abi_version: "2026_0", arch: "wasm32" }, packages: {} },
    stdin: () => null,
  });
  runtime.setStdout({ batched: (line) => tell("line", line) });
  runtime.setStderr({ batched: (line) => tell("error", line) });
  runtime.runPython(host);
  runtime.FS.mkdirTree("/verifier");
  runtime.FS.writeFile("/verifier/verify.py", verifier);
  program = runtime.globals.get("prepare")("/verifier/verify.py", (name) => tell("reading", name));
}

/* The auditor's files are read where they lie: memory does not hold a pack whole. */
function mount(folder, file) {
  runtime.FS.mkdirTree(folder);
  runtime.FS.mount(runtime.FS.filesystems.WORKERFS, { files: [file] }, folder);
}

function run({ pack, checkpoint, key, witnesses }) {
  const folders = ["/pack"], given = [];
  mount("/pack", pack);
  if (checkpoint) {
    folders.push("/checkpoint");
    mount("/checkpoint", checkpoint);
    given.push(`--checkpoint=/checkpoint/${checkpoint.name}`);
  }
  if (key) given.push(`--key=${key}`);
  given.push(...witnesses.map((one) => `--witness=${one}`));
  try {
    runtime.FS.chdir("/pack");
    return program([...given, "--", pack.name]);
  } finally {
    runtime.FS.chdir("/");
    for (const folder of folders) runtime.FS.unmount(folder);
  }
}

onmessage = async ({ data }) => {
  try {
    if (data.kind === "start") {
      await start(data);
      tell("ready", runtime.runPython("import platform; platform.python_version()"));
    } else {
      tell("done", run(data));
    }
  } catch (error) {
    tell("broken", String(error?.message ?? error));
  }
};
