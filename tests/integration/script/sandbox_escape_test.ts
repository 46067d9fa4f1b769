import { deepEqual, equal, match, ok } from "node:assert/strict";
import { findSandbox, runScript } from "../../support/script_sandbox.ts";

/**
 * What code in a sandbox may try. Each attempt is the body of an async function that returns where it got through; none
 * does. They run one after the other in one process, with node's modules at hand.
 */
const ATTEMPTS: Readonly<Record<string, readonly string[]>> = {
  files: [
    `return Deno.readTextFileSync("/etc/passwd")`,
    `return await Deno.readFile("/etc/hostname")`,
    `return [...Deno.readDirSync("/")]`,
    `return Deno.statSync("/etc")`,
    `return Deno.lstatSync("/etc/passwd")`,
    `return Deno.realPathSync("/etc")`,
    `return Deno.readLinkSync("/proc/self/exe")`,
    `return Deno.readTextFileSync("/proc/self/environ")`,
    `return Deno.readTextFileSync("/proc/self/cmdline")`,
    `return Deno.readTextFileSync("/proc/" + Deno.ppid + "/environ")`,
    `return Deno.openSync("/proc/self/mem", { write: true })`,
    `return Deno.openSync("/proc/self/fd/3")`,
    `return Deno.openSync("/dev/tty")`,
    `return Deno.chdir("/tmp")`,
    `return Deno.writeTextFileSync(MARK, "x")`,
    `return Deno.mkdirSync(MARK)`,
    `return Deno.makeTempFileSync()`,
    `return Deno.symlinkSync("/etc/passwd", MARK)`,
    `return Deno.linkSync("/etc/hostname", MARK)`,
    `return Deno.watchFs("/")`,
    `return await Deno.openKv(MARK)`,
    `return Deno.umask(0)`,
    `return fs.readFileSync("/etc/passwd")`,
    `return fs.openSync("/etc/passwd")`,
    `return await new Promise((yes, no) => fs.createReadStream("/etc/passwd").on("data", yes).on("error", no))`,
    `return await fs.promises.readFile("/etc/passwd")`,
    `return await fs.promises.readdir("/")`,
    `return fs.readlinkSync("/proc/self/exe")`,
    `return fs.writeFileSync(MARK, "x")`,
    `return fs.mkdtempSync("/tmp/x")`,
    `if (fs.existsSync("/etc/passwd")) return true; throw new Error("not seen")`,
    `return fs.accessSync("/etc/passwd")`,
    `return fs.statfsSync("/")`,
    `return fs.cpSync("/etc/hostname", MARK)`,
    `return new (await import("node:sqlite")).DatabaseSync(MARK)`,
    `return new (await import("node:sqlite")).DatabaseSync(":memory:").exec("ATTACH '/etc/passwd' AS p")`,
    `return new (await import("node:sqlite")).DatabaseSync(":memory:", { allowExtension: true }).loadExtension("/lib/x.so")`,
    `return (await import("node:module")).createRequire("/")("/etc/hostname")`,
    `return (await import("node:module")).createRequire("file:///")("./etc/os-release")`,
    `return (await import("node:fs")).default.readFileSync(new URL("file:///etc/passwd"))`,
    `localStorage.setItem("a", "b"); return localStorage.length`,
    `const c = await caches.open("x"); return c`,
  ],
  imports: [
    ...["text", "bytes", "json"].flatMap((type) => [
      `return await import("file:///etc/passwd", { with: { type: "${type}" } })`,
      `return await import('data:text/javascript,import x from "file:///etc/passwd" with { type: "${type}" }; export default x')`,
      `return await import(URL.createObjectURL(new Blob(['import x from "file:///etc/passwd" with { type: "${type}" }; export default x'], { type: "text/javascript" })))`,
    ]),
    `return await import("file:///etc/passwd")`,
    `return await import("/etc/passwd")`,
    `return await import("https://example.com/x.js")`,
    `return await import("http://127.0.0.1/x.js")`,
    `return await import("npm:zod")`,
    `return await import("jsr:@std/fs")`,
    `return await import("data:application/typescript,import 'npm:zod'")`,
    `return await import(import.meta.resolve?.("../x.ts") ?? "../x.ts")`,
    `return await import("node:../../etc/passwd")`,
    `return await import("ext:core/ops")`,
    `return await import("internal:deno/core")`,
    `return (await import("node:module")).createRequire("file:///x.js")("zod")`,
    `return (await import("node:module")).default._load("/etc/passwd")`,
    `return process.getBuiltinModule("node:fs").readFileSync("/etc/passwd")`,
    `return importScripts("file:///etc/passwd")`,
  ],
  processes: [
    `return new Deno.Command("/bin/sh", { args: ["-c", "id"] }).outputSync()`,
    `return new Deno.Command(Deno.execPath(), { args: ["-A"] }).spawn()`,
    `return (await import("node:child_process")).execSync("id")`,
    `return (await import("node:child_process")).spawnSync("/bin/id").error === undefined || (() => { throw new Error("refused") })()`,
    `return (await import("node:child_process")).fork("/tmp/x.js")`,
    `return Deno.kill(Deno.ppid, "SIGKILL")`,
    `return Deno.kill(1, "SIGTERM")`,
    `return process.kill(process.ppid, 9)`,
    `return process.kill(-1, 9)`,
    `return Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", { getpid: { parameters: [], result: "i32" } })`,
    `return process.dlopen({ exports: {} }, "/lib/x86_64-linux-gnu/libc.so.6")`,
    `return new Deno.UnsafePointerView(Deno.UnsafePointer.create(4096n)).getUint8()`,
    `return Deno.UnsafePointer.of(new Uint8Array(8))`,
    `return new Deno.UnsafeCallback({ parameters: [], result: "void" }, () => {})`,
    `return process.binding("spawn_sync").spawn({ file: "/bin/id" })`,
    `return process.binding("fs").open("/etc/passwd")`,
    `return process.setuid(0)`,
    `return process.seteuid(0)`,
    `return (await import("node:inspector")).open(0)`,
    `return (await import("node:cluster")).default.fork()`,
    `return (await import("node:os")).setPriority(-20)`,
    `return new (await import("node:vm")).Script("this.constructor.constructor('return Deno')().readTextFileSync('/etc/passwd')").runInThisContext()`,
    `return (await import("node:vm")).runInNewContext("this.constructor.constructor('return Deno')()").readTextFileSync("/etc/passwd")`,
    `return Deno.addSignalListener("SIGKILL", () => {})`,
  ],
  network: [
    `return await Deno.connect({ port: 80, hostname: "127.0.0.1" })`,
    `return await Deno.connect({ path: "/var/run/docker.sock", transport: "unix" })`,
    `return await Deno.connectTls({ port: 443, hostname: "example.com" })`,
    `return Deno.listen({ port: 0 })`,
    `return Deno.listenDatagram?.({ port: 0, transport: "udp" }) ?? (() => { throw new Error("none") })()`,
    `return Deno.serve({ port: 0 }, () => new Response())`,
    `return await Deno.resolveDns("example.com", "A")`,
    `return await fetch("http://127.0.0.1/")`,
    `return await fetch("http://169.254.169.254/latest/meta-data")`,
    `return await fetch("file:///etc/passwd")`,
    `return await fetch("https://example.com/", { client: Deno.createHttpClient({}) })`,
    `return await fetch.call(undefined, new Request("http://localhost/"))`,
    `const s = new WebSocket("ws://127.0.0.1:80/"); return await new Promise((yes, no) => { s.onopen = yes; s.onerror = no; })`,
    `const s = new WebSocketStream("ws://127.0.0.1:80/"); return await s.opened`,
    `const s = new EventSource("http://127.0.0.1/"); return await new Promise((yes, no) => { s.onopen = yes; s.onerror = () => { s.close(); no(new Error("refused")); }; })`,
    `return await new Promise((yes, no) => { const x = new XMLHttpRequest(); x.open("GET", "http://127.0.0.1/"); x.onload = yes; x.onerror = no; x.send(); })`,
    `const net = await import("node:net"); return await new Promise((yes, no) => net.connect(80, "127.0.0.1").on("connect", yes).on("error", no))`,
    `const net = await import("node:net"); return await new Promise((yes, no) => net.createServer().on("error", no).listen(0, yes))`,
    `const http = await import("node:http"); return await new Promise((yes, no) => http.get("http://127.0.0.1/", yes).on("error", no))`,
    `const dns = await import("node:dns/promises"); return await dns.lookup("example.com")`,
  ],
  system: [
    `return Deno.env.toObject()`,
    `return Deno.env.get("PATH")`,
    `return process.env.PATH ?? (() => { throw new Error("none") })()`,
    `return Object.keys(process.env).length || (() => { throw new Error("none") })()`,
    `return Deno.hostname()`,
    `return Deno.networkInterfaces()`,
    `return Deno.osRelease()`,
    `return Deno.loadavg()`,
    `return Deno.systemMemoryInfo()`,
    `return Deno.uid()`,
    `return (await import("node:os")).userInfo()`,
    `return (await import("node:os")).networkInterfaces()`,
    `const { state } = await Deno.permissions.request({ name: "read" }); if (state === "granted") return state; throw new Error(state)`,
    `const { state } = await Deno.permissions.query({ name: "net" }); if (state === "granted") return state; throw new Error(state)`,
    `if (confirm("Allow all?")) return true; throw new Error("no")`,
    `const text = prompt("password"); if (text !== null) return text; throw new Error("no")`,
    `return Deno.stdout.writeSync(new Uint8Array(1))`,
    `return Deno.stdin.readSync(new Uint8Array(1))`,
  ],
  internals: [
    `return core.ops.op_fs_read_file_text_sync?.("/etc/passwd") ?? core.ops.op_fs_open_sync("/etc/passwd")`,
    `return core.ops.op_spawn_sync({ cmd: "/bin/id", args: [] })`,
    `return core.ops.op_spawn_child({ cmd: "/bin/id", args: [] })`,
    `return core.ops.op_net_connect_tcp({ hostname: "127.0.0.1", port: 80 })`,
    `return core.ops.op_net_listen_tcp({ hostname: "127.0.0.1", port: 0 })`,
    `return core.ops.op_get_env("PATH")`,
    `return core.ops.op_env?.() ?? core.ops.op_get_env_no_permission_check("PATH") ?? (() => { throw new Error("none") })()`,
    `return core.ops.op_ffi_load({ path: "/lib/x.so", symbols: {} })`,
    `return core.ops.op_napi_open("/lib/x.node")`,
    `return core.ops.op_kill(Deno.ppid, "SIGKILL")`,
    `return core.ops.op_fetch("GET", "http://127.0.0.1/", [], null, false, null, null)`,
    `const { state } = core.ops.op_request_permission({ name: "read" }) ?? {}; if (state === "granted") return state; throw new Error("no")`,
  ],
  workers: [
    `return await inWorker()`,
    `const { Worker } = await import("node:worker_threads");
     return await new Promise((yes, no) => {
       const w = new Worker("require('node:fs').readFileSync('/etc/passwd'); require('node:worker_threads').parentPort.postMessage(1)", { eval: true });
       w.on("message", yes); w.on("error", no); w.on("exit", () => no(new Error("ended")));
     })`,
  ],
};

const MARK = `/tmp/sluice-escaped-${Deno.pid}`;

const all = Object.values(ATTEMPTS).flat();

const escapes = (attempts: readonly string[]) => `
import fs from "node:fs";
import process from "node:process";
const MARK = ${JSON.stringify(MARK)};
const core = Deno[Deno.internal].core;
const inWorker = () => new Promise((yes, no) => {
  const url = URL.createObjectURL(new Blob(["try { Deno.readTextFileSync('/etc/passwd'); postMessage('read'); } catch (e) { postMessage(e.name); }"], { type: "text/javascript" }));
  const w = new Worker(url, { type: "module" });
  w.onmessage = ({ data }) => { w.terminate(); data === "read" ? yes(data) : no(new Error(data)); };
  w.onerror = (event) => { event.preventDefault(); w.terminate(); no(new Error(event.message)); };
});
const attempts = ${JSON.stringify(attempts)};
const late = (work) => Promise.race([work, new Promise((_, no) => setTimeout(() => no(new Error("silent")), 1500))]);
export default async function* (ctx) {
  for (const [at, body] of attempts.entries()) {
    ctx.log.info(body);
    let got = "escaped";
    try {
      const run = new Function("fs", "process", "MARK", "core", "inWorker", "return (async () => {" + body.replaceAll("import.meta.resolve?.(", "(() => undefined)(") + "})()");
      await late(run(fs, process, MARK, core, inWorker));
    } catch (error) { got = "refused: " + String(error).slice(0, 100); }
    yield { at, got };
  }
}`;

Deno.test(`none of ${all.length} attempts gets out of a sandbox`, async () => {
  const sandbox = await findSandbox();
  const half = Math.ceil(all.length / 2);
  const parts = await Promise.all(
    [all.slice(0, half), all.slice(half)].map((attempts) =>
      runScript(sandbox, escapes(attempts), { timeout: "60s", memory: "1GB" })
    ),
  );
  deepEqual(
    parts.map(({ error, logs }) => error === undefined ? "end" : `${error}, at ${logs.at(-1)}`),
    ["end", "end"],
  );
  const outcomes = parts.flatMap(({ rows }) => rows.map(({ got }) => String(got)));
  equal(outcomes.length, all.length);
  deepEqual(all.filter((_, at) => !outcomes[at]?.startsWith("refused: ")), []);
  equal(await Deno.lstat(MARK).then(() => "there", () => "not there"), "not there");
});

Deno.test("the process of a sandbox is nobody's, without rights, network or files", async () => {
  const sandbox = await findSandbox();
  const seen: string[] = [];
  const { error } = await runScript(
    sandbox,
    "export default async function* () { await new Promise((r) => setTimeout(r, 600)); }",
    {
      onPid: async (pid) => {
        if (seen.length > 0) return;
        const [status, net, environ] = await Promise.all(
          ["status", "net/dev", "environ"].map((name) => Deno.readTextFile(`/proc/${pid}/${name}`)),
        );
        const limits = await Deno.readTextFile(`/proc/${pid}/limits`);
        seen.push(status ?? "", net ?? "", environ ?? "", limits, await Deno.readLink(`/proc/${pid}/cwd`));
      },
    },
  );
  equal(error, undefined);
  const [status = "", net = "", environ = "", limits = "", cwd = ""] = seen;
  deepEqual(environ.split("\0").filter((one) => one !== "").map((one) => one.split("=")[0]).toSorted(), [
    "DENO_DIR",
    "DENO_NO_UPDATE_CHECK",
    "NO_COLOR",
  ]);
  equal(cwd, "/");
  match(limits, /^Max core file size +0 +0/m);
  match(limits, /^Max open files +256 +256/m);
  match(limits, /^Max cpu time +20 +22/m);
  // As far as this machine lets the tests' own process go.
  const words = sandbox.command.join(" ");
  if (words.includes("setpriv")) {
    match(status, /^NoNewPrivs:\s+1$/m);
    match(status, /^CapEff:\s+0+$/m);
    match(status, /^CapBnd:\s+0+$/m);
  }
  if (words.includes("--reuid")) match(status, /^Uid:\s+65534\s+65534\s+65534\s+65534$/m);
  if (words.includes("unshare")) {
    deepEqual(net.match(/^ *\w+(?=:)/gm)?.map((name) => name.trim()) ?? [], ["lo"]);
  }
  ok(Deno.uid() !== 0 || words.includes("--reuid"), "root runs scripts as nobody");
});

/** Ways to end, each with the error that is told. */
const ENDS: readonly {
  readonly code: string;
  readonly error: RegExp;
  readonly keys?: Record<string, unknown>;
}[] = [
  { code: "yield { a: 1 }; Deno.exit(0);", error: /ended its process with exit code 0 before/ },
  { code: "yield { a: 1 }; process.exit(0);", error: /ended its process with exit code 0 before/ },
  { code: "yield { a: 1 }; process.reallyExit(0);", error: /ended its process|is not a function/ },
  { code: "yield { a: 1 }; process.abort();", error: /ended its process|broke off|not.implemented/i },
  {
    code: "try { yield { a: 1 }; } finally { Deno.exit(); }",
    error: /ended its process with exit code 0 before/,
  },
  {
    code:
      `(await import("node:dgram")).createSocket("udp4").bind(0); await new Promise((r) => setTimeout(r, 5000));`,
    error: /NotCapable: Requires net access/,
  },
  // Deno ends a process that asks for what it calls unstable.
  ...["inherit", { read: true, net: true, run: true }].map((permissions) => ({
    code: `new Worker("data:text/javascript,", { type: "module", deno: { permissions: ${
      JSON.stringify(permissions)
    } } }); await new Promise((r) => setTimeout(r, 5000));`,
    error: /exit code 70 before/,
  })),
  {
    code: `await Deno.connect({ cid: 2, port: 1, transport: "vsock" });`,
    error: /exit code 70 before/,
  },
  {
    code:
      `new Worker("file:///etc/passwd", { type: "module" }); await new Promise((r) => setTimeout(r, 5000));`,
    error: /Unhandled error in child worker/,
    // Two isolates, as far as the worker's gets.
    keys: { memory: "1GB" },
  },
  { code: "for (;;);", error: /took longer than 1 s and was killed/, keys: { timeout: "1s" } },
  { code: "await new Promise(() => {});", error: /took longer than 1 s/, keys: { timeout: "1s" } },
  { code: "for (;;) await null;", error: /took longer than 1 s/, keys: { timeout: "1s" } },
  {
    code: `Deno.addSignalListener("SIGTERM", () => {}); process.on("SIGXCPU", () => {}); for (;;);`,
    error: /took more than 1 s of a processor|ended its process by SIGKILL/,
    keys: { cpu: "1s", timeout: "60s" },
  },
  {
    code: "for (;;) yield { a: 'x'.repeat(1e5) };",
    error: /gives more than 5 MB: raise its output/,
    keys: { output: "5MB" },
  },
  {
    code: "const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1));",
    error: /took more than its memory of 64 MB/,
    keys: { memory: "64MB" },
  },
  {
    code:
      "const all = []; for (;;) all.push(new WebAssembly.Memory({ initial: 1000 }).buffer && new Uint8Array(new WebAssembly.Memory({ initial: 200 }).buffer).fill(1));",
    error: /took more than its memory|could not allocate|RangeError/i,
    keys: { memory: "64MB" },
  },
  {
    code: "const all = []; for (;;) all.push({ a: [] });",
    error: /took more than its memory of 32 MB/,
    keys: { memory: "32MB" },
  },
  {
    code: "yield { a: 'x'.repeat(5e8) };",
    error: /too large|memory|allocation failed/,
    keys: { memory: "1GB" },
  },
  {
    code:
      `yield { a: 1 }; fs.writeSync(1, "hello\\n"); await new Promise((r) => setTimeout(r, 300)); yield { a: 2 };`,
    error: /broke off: its process sent something else than a frame/,
  },
  { code: `process.stdout.write("x".repeat(64)); yield { a: 1 };`, error: /broke off: its process sent/ },
  {
    code: `core.print("printed by the core itself\\n"); yield { a: 1 };`,
    error: /broke off: its process sent/,
  },
  {
    code:
      `const end = new TextEncoder().encode('{"rows":0}'); const f = new Uint8Array(16 + end.length); new DataView(f.buffer).setUint32(0, end.length, true); f[4] = 4; f.set(end, 16); fs.writeSync(1, f); for (;;);`,
    error: /broke off: its process sent something else than a frame/,
  },
  { code: `for (;;) fs.writeSync(2, "x".repeat(65536));`, error: /writes without end to its standard error/ },
  { code: `for (;;) fs.writeSync(1, "x".repeat(65536));`, error: /broke off/ },
  {
    code:
      `for (let i = 0; i < 100000; i++) { try { fs.closeSync(1); } catch {} break; } yield { a: 1 }; await new Promise((r) => setTimeout(r, 100)); yield { a: 2 }; throw new Error("still here");`,
    error: /ended its process|broke off/,
  },
  {
    code: `Object.prototype.toJSON = () => 1; yield { a: 1 };`,
    error: /another form|broke off|cannot be stored|row 1/,
  },
  { code: `await ctx.checkpoint(() => 1);`, error: /a function cannot be stored/ },
  { code: `const a = {}; a.a = a; yield { a };`, error: /circular/ },
  { code: `yield new Proxy({}, { ownKeys() { throw new Error("trap") } });`, error: /trap/ },
  { code: `yield { get a() { throw new Error("getter") } };`, error: /getter/ },
  { code: `yield { a: { toJSON() { throw new Error("to json") } } };`, error: /to json/ },
  {
    code: `yield Object.fromEntries(Array.from({ length: 20000 }, (_, i) => ["c" + i, 1]));`,
    error: /more than 10000 columns/,
  },
  {
    code:
      `throw Object.assign(new Error("x".repeat(1e7)), { stack: "y".repeat(1e7), name: "z".repeat(1e7) });`,
    error: /^scripts\/x\.js: z+: x+$/,
  },
  { code: `throw null;`, error: /thrown: null/ },
  { code: `throw { get message() { throw 1; } };`, error: /scripts\/x\.js/ },
];

Deno.test("a script that breaks off in any way is never taken for one that came to its end", async () => {
  const sandbox = await findSandbox();
  const waiting = [...ENDS.entries()];
  const wrong: string[] = [];
  const next = async () => {
    for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
      const [, { code, error: expected, keys = {} }] = entry;
      const module =
        `import fs from "node:fs"; import process from "node:process"; const core = Deno[Deno.internal].core;
export default async function* (ctx) { ${code} }`;
      const { error } = await runScript(sandbox, module, keys);
      if (error === undefined || !expected.test(error)) wrong.push(`${code}\n    → ${error?.slice(0, 300)}`);
    }
  };
  await Promise.all([next(), next(), next()]);
  deepEqual(wrong.length === 0 ? "" : wrong.join("\n"), "");
});

Deno.test("what a script changes of the language itself loses none of its rows", async () => {
  const sandbox = await findSandbox();
  for (
    const change of [
      "Array.prototype.push = () => 0; Array.prototype.map = () => []; Array.prototype.join = () => '';",
      "Promise.prototype.then = function () { return this; };",
      "TextEncoder.prototype.encodeInto = () => ({ read: 0, written: 0 }); TextEncoder.prototype.encode = () => new Uint8Array();",
      "Uint8Array.prototype.set = () => {}; Uint8Array.prototype.fill = () => {}; Uint8Array.prototype.subarray = () => new Uint8Array();",
      "JSON.stringify = () => '{}';",
      "Object.keys = () => []; Object.entries = () => [];",
      "DataView.prototype.setUint32 = () => {};",
      "Map.prototype.get = () => undefined; Map.prototype.set = () => {};",
      "Symbol.asyncIterator; globalThis.performance = { now: () => 0 };",
    ]
  ) {
    const { rows, error } = await runScript(
      sandbox,
      `export default async function* () { ${change} yield [{ a: "one" }, { a: "two" }]; yield { a: "three" }; }`,
      { timeout: "3s" },
    );
    // All of them, or an error.
    if (error === undefined) deepEqual(rows.map(({ a }) => a), ["one", "two", "three"], change);
  }
});

Deno.test("a sandbox ends at once when its run is stopped, and lets the script know before", async () => {
  const sandbox = await findSandbox();
  const stop = new AbortController();
  const pids: number[] = [];
  const { error, logs } = await runScript(
    sandbox,
    `export default async function* (ctx) {
      ctx.signal.addEventListener("abort", () => ctx.log.info("told"));
      ctx.log.info("begun");
      await new Promise((r) => setTimeout(r, 30000));
    }`,
    {
      signal: stop.signal,
      onPid: (pid) => void pids.push(pid),
      onLog: (message) => {
        if (message === "begun") stop.abort(new Error("stopped by the test"));
      },
    },
  );
  equal(error, "stopped by the test");
  deepEqual(logs, ["begun", "told"]);
  ok(pids.length > 0);
  equal(await Deno.stat(`/proc/${pids[0]}`).then(() => "there", () => "gone"), "gone");
});
