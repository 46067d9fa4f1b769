import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { copy } from "../support/copy_folder.ts";
import { LanguageServer } from "../support/language_server.ts";
import {
  namesIn,
  PACKED_SLUICE,
  packedCommand,
  type PackedOptions,
  PackedServer,
  runPacked,
  withTempFolder,
} from "../support/packed_sluice.ts";
import { waitFor } from "../support/sluice_server.ts";

/**
 * The one file as a user has it: from another folder, without the checkout's environment, without a
 * network and without a toolchain.
 */

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const VERSION_LINE = /^sluice \d+\.\d+\.\d+ \(deno 2\.9\.5, \w+ \w+\)\n$/;

/** Built once a file of tests, so that only what is about unpacking unpacks. */
const cache = await Deno.makeTempDir({ prefix: "sluice-cache-" });
const env = { XDG_CACHE_HOME: cache };
globalThis.addEventListener("unload", () => Deno.removeSync(cache, { recursive: true }));

Deno.test("it starts with an empty environment", async () => {
  // Without HOME and the like it unpacks into a temporary folder that all tests share.
  const shared = `/var/tmp/sluice-${Deno.uid()}`;
  const before = await namesIn(shared);
  try {
    const { code, stdout, stderr } = await runPacked(["version"], { cwd: "/" });
    deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
    match(stdout, VERSION_LINE);
  } finally {
    for (const name of await namesIn(shared)) {
      if (!before.includes(name)) await Deno.remove(join(shared, name), { recursive: true });
    }
  }
});

Deno.test("a script runs in its sandbox, out of a folder that nobody else can enter", async () => {
  await withTempFolder(async (folder) => {
    const attempts = [
      `Deno.readTextFileSync("/etc/passwd")`,
      `await import("file:///etc/passwd", { with: { type: "text" } })`,
      `await import('data:text/javascript,import x from "file:///etc/passwd" with { type: "text" }; export default x')`,
      `Deno.readTextFileSync(Deno.execPath())`,
      `new Deno.Command("/bin/sh").outputSync()`,
      `await fetch("http://127.0.0.1/")`,
      `await Deno.connect({ port: 80 })`,
      `Deno.env.toObject()`,
      `Deno.writeTextFileSync("/tmp/x", "")`,
    ];
    await Deno.mkdir(join(folder, "scripts"));
    await Deno.mkdir(join(folder, "pipelines"));
    await Deno.writeTextFile(join(folder, "connectors.yaml"), "files: { type: file }\n");
    await Deno.writeTextFile(
      join(folder, "pipelines", "p.yaml"),
      "extract: { t: { script: scripts/t.ts } }\nload: { t: { connector: files, path: t.csv } }\n",
    );
    await Deno.writeTextFile(
      join(folder, "scripts", "t.ts"),
      `export default async function* (ctx: { log: { info(text: string): void } }) {
        for (const attempt of ${JSON.stringify(attempts)} as string[]) {
          const run = new Function("return (async () => { " + attempt + " })()");
          yield { attempt, got: await run().then(() => "through", () => "refused") };
        }
      }\n`,
    );
    const ran = await runPacked(["run", "p"], { env, hasNoNetwork: true, cwd: folder });
    strictEqual(ran.code, 0, ran.stdout + ran.stderr);
    const lines = (await Deno.readTextFile(join(folder, "t.csv"))).trim().split("\n").slice(1);
    strictEqual(lines.length, attempts.length);
    deepStrictEqual(lines.filter((line) => !line.endsWith(",refused")), []);
  });
});

Deno.test("a new project runs without a network", async () => {
  await withTempFolder(async (folder) => {
    const alone = { env, hasNoNetwork: true };
    const made = await runPacked(["init", "my shop"], { ...alone, cwd: folder });
    strictEqual(made.code, 0, made.stderr);
    const project = { ...alone, cwd: join(folder, "my shop") };
    const checked = await runPacked(["check"], project);
    strictEqual(checked.code, 0, checked.stdout + checked.stderr);
    const ran = await runPacked(["run", "hello", "--json"], project);
    strictEqual(ran.code, 0, ran.stdout + ran.stderr);
    const outcome: Record<string, unknown> = JSON.parse(ran.stdout.trimEnd().split("\n").at(-1) ?? "");
    strictEqual(outcome["state"], "succeeded");
    ok(Number(outcome["rows_extracted"]) > 0 && Number(outcome["rows_loaded"]) > 0, ran.stdout);
    const added = await runPacked(["add", "slack"], project);
    match(added.stdout, /^changed connectors\.yaml\nmade pipelines\/slack\.yaml\n/, added.stderr);
    const listed = await runPacked(["runs"], project);
    match(listed.stdout, /^RUN +PIPELINE[\s\S]*hello +succeeded +cli/);
    const shown = await runPacked(["show", String(outcome["id"])], project);
    match(shown.stdout, /extract:orders +succeeded/);
    const logged = await runPacked(["logs", String(outcome["id"])], project);
    strictEqual(logged.code, 0, logged.stderr);
  });
});

Deno.test("a copy of the quickstart passes its check and runs", async () => {
  await withTempFolder(async (folder) => {
    const project = join(folder, "quickstart");
    await copy(join(ROOT, "examples", "quickstart"), project, (name) => name !== ".sluice" && name !== "out");
    const options = {
      cwd: folder,
      env: { ...env, SLUICE_PROJECT: project, SLUICE_DATA: join(folder, "data") },
    };
    const checked = await runPacked(["check"], options);
    strictEqual(checked.code, 0, checked.stdout + checked.stderr);
    const ran = await runPacked(["run", "quickstart"], options);
    strictEqual(ran.code, 0, ran.stdout + ran.stderr);
    match(ran.stdout, /^quickstart succeeded in .*rows extracted/);
    // The variable moved the data: the project has its outputs only.
    deepStrictEqual((await namesIn(project)).includes(".sluice"), false);
  });
});

Deno.test("it refuses ways out of the project, its own folder among them, and takes a policy", async () => {
  await withTempFolder(async (folder) => {
    const project = join(folder, "shop");
    strictEqual((await runPacked(["init", project], { cwd: folder, env })).code, 0);
    const [unpacked = ""] = await namesIn(join(cache, "sluice"));
    const escapes = {
      passwd: "/etc/passwd",
      program: join(cache, "sluice", unpacked, "lib", "x.csv"),
      store: ".sluice/sluice.db",
      definitions: "connectors.yaml",
      proc: "/proc/self/environ",
    };
    await Deno.writeTextFile(join(project, "connectors.yaml"), "files: {type: file}\n");
    for (const [name, path] of Object.entries(escapes)) {
      const definition = `extract: {s: {connector: files, path: "${path}"}}\n`;
      await Deno.writeTextFile(join(project, "pipelines", `${name}.yaml`), definition);
    }
    const policy = join(folder, "policy.yaml");
    await Deno.writeTextFile(policy, "file_roots: [/]\nhosts_deny: ['10.0.0.0/8']\n");
    const options = { cwd: project, env: { ...env, SLUICE_POLICY: policy } };
    const { stdout } = await runPacked(["check"], options);
    for (const name of ["program", "store", "definitions", "proc"]) {
      match(stdout, new RegExp(`pipelines/${name}\\.yaml:1:11: .* may not read .* no policy opens`), name);
    }
    const without = await runPacked(["check"], { cwd: project, env });
    match(without.stdout, /pipelines\/passwd\.yaml:1:11: .* may not read \/etc\/passwd: it is outside of/);
  });
});

Deno.test("it has the driver of every system: each says that nothing answers", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const closed = `127.0.0.1:${port}`;
  const key = `SHA256:${"A".repeat(43)}`;
  const connectors: Readonly<Record<string, Record<string, unknown>>> = {
    postgres: { url: `postgres://u:p@${closed}/d` },
    mysql: { url: `mysql://u:p@${closed}/d` },
    libsql: { url: `http://${closed}`, auth_token: "a-token" },
    s3: { bucket: "store", endpoint: `http://${closed}`, access_key_id: "key", secret_access_key: "s3cret" },
    sftp: { host: "127.0.0.1", port, user: "u", password: "s3cret", host_key: key },
  };
  await withTempFolder(async (folder) => {
    const entries = Object.entries(connectors).map(([type, entry]) => [type, { type, ...entry }]);
    await Deno.writeTextFile(join(folder, "connectors.yaml"), JSON.stringify(Object.fromEntries(entries)));
    for (const type of Object.keys(connectors)) {
      const { code, stdout, stderr } = await runPacked(["connectors", "test", type], { env, cwd: folder });
      strictEqual(code, 1, stdout + stderr);
      match(stdout, /failed +Cannot .*(?:refused|REFUSED|nothing answers|cannot be reached)/, stderr);
    }
  });
});

Deno.test("its server runs a pipeline that was triggered over the API", async () => {
  await withTempFolder(async (folder) => {
    const project = join(folder, "shop");
    strictEqual((await runPacked(["init", project], { cwd: folder, env })).code, 0);
    await using server = await PackedServer.start(project, { cwd: "/", env });
    const health = await fetch(`${server.url}/healthz`);
    deepStrictEqual([health.status, (await health.json()).status], [200, "ok"]);
    const { id } = await server.call("POST", "/api/pipelines/hello/runs", {});
    const ended = await waitFor(async () => {
      const run = await server.call("GET", `/api/runs/${id}`);
      return run["state"] === "queued" || run["state"] === "running" ? undefined : run;
    }, 30_000);
    strictEqual(ended?.["state"], "succeeded", JSON.stringify(ended));
    // A command on the same folder goes through the server.
    const listed = await runPacked(["runs", "--json"], { cwd: project, env });
    strictEqual(JSON.parse(listed.stdout)[0]?.id, id);
    const second = await runPacked(["serve", "--port", "0"], { cwd: project, env });
    strictEqual(second.code, 2);
    ok(second.stderr.includes(`sluice serve at ${server.url} (pid `), second.stderr);
    const { code } = await server.stop();
    strictEqual(code, 0);
  });
});

Deno.test("sluice deno is the deno inside", async () => {
  await withTempFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "a.ts"), "const  a:number = 1;\nconsole.log(a)\n");
    const options = { cwd: folder, env, hasNoNetwork: true };
    strictEqual((await runPacked(["deno", "fmt", "--quiet", "a.ts"], options)).code, 0);
    strictEqual(await Deno.readTextFile(join(folder, "a.ts")), "const a: number = 1;\nconsole.log(a);\n");
    const ran = await runPacked(["deno", "run", "--quiet", "a.ts"], options);
    deepStrictEqual([ran.code, ran.stdout], [0, "1\n"]);
    await Deno.writeTextFile(join(folder, "b.ts"), 'const b: number = "x";\n');
    strictEqual((await runPacked(["deno", "check", "b.ts"], options)).code, 1);
  });
});

/** A project with a script, its test, and nothing else that the tools would need: no HOME, no DENO_DIR, no network. */
async function withScript(work: (project: PackedOptions) => Promise<void>): Promise<void> {
  await withTempFolder(async (folder) => {
    const options = { cwd: folder, env: { ...env, NO_COLOR: "1" }, hasNoNetwork: true };
    await Deno.mkdir(join(folder, "pipelines"));
    await Deno.writeTextFile(join(folder, "connectors.yaml"), "own: { type: file }\n");
    const made = await runPacked(["script", "new", "orders"], options);
    strictEqual(made.code, 0, made.stderr);
    await work(options);
  });
}

const WRONG_TYPE = `import type { ScriptContext } from "sluice";
export default async function* (ctx: ScriptContext<{ page: number }>) {
  yield { id: ctx.state?.page };
  await ctx.checkpoint({ page: "two" });
}
`;

Deno.test("a project's scripts are checked, tested and formatted by the deno inside", async () => {
  await withScript(async (options) => {
    const write = (path: string, text: string) => Deno.writeTextFile(join(options.cwd, path), text);
    await write(
      "scripts/orders_test.ts",
      `import { deepStrictEqual } from "node:assert/strict";
import type { ScriptContext } from "sluice";
import orders from "./orders.ts";

Deno.test("orders() makes two rows", async () => {
  const log = { info: () => {}, warn: () => {} };
  const window = { run_id: "1", pipeline: "shop", run_start: new Date(0), start: null, end: new Date(0) };
  const ctx = { log, window } as Partial<ScriptContext> as ScriptContext;
  const [rows] = await Array.fromAsync(orders(ctx));
  deepStrictEqual(rows?.map(({ id }) => id), [1, 2]);
});
`,
    );
    const checked = await runPacked(["deno", "check"], options);
    strictEqual(checked.code, 0, checked.stderr);
    const tested = await runPacked(["deno", "test"], options);
    strictEqual(tested.code, 0, tested.stdout + tested.stderr);
    match(tested.stdout, /1 passed/);
    const kept = ["lint", "fmt"].map((tool) => runPacked(["deno", tool, "scripts/orders.ts"], options));
    deepStrictEqual((await Promise.all(kept)).map(({ code }) => code), [0, 0]);

    await write("scripts/wrong.ts", WRONG_TYPE);
    const wrong = await runPacked(["deno", "check"], options);
    strictEqual(wrong.code, 1);
    match(wrong.stderr, /TS2322[^]*scripts\/wrong\.ts:4:26/);
  });
});

Deno.test("an editor gets faults of scripts by the deno inside", async () => {
  await withScript(async (options) => {
    await using server = new LanguageServer(packedCommand(["deno", "lsp", "--quiet"], options, "piped"));
    const rootUri = pathToFileURL(options.cwd).href;
    const started = await server.request("initialize", {
      processId: Deno.pid,
      rootUri,
      capabilities: { workspace: { workspaceFolders: true } },
      workspaceFolders: [{ uri: rootUri, name: "shop" }],
      initializationOptions: { enable: true },
    });
    ok(started !== null);
    await server.notify("initialized", {});
    const uri = `${rootUri}/scripts/wrong.ts`;
    const textDocument = { uri, languageId: "typescript", version: 1, text: WRONG_TYPE };
    await server.notify("textDocument/didOpen", { textDocument });
    const { params } = await server.next(({ method, params }) =>
      method === "textDocument/publishDiagnostics" && params?.["uri"] === uri &&
      JSON.stringify(params["diagnostics"]).includes("2322")
    );
    match(JSON.stringify(params), /"line":3/);
  });
});

Deno.test("scripts are bundled without a network", async () => {
  await withScript(async (options) => {
    const pipeline = "extract:\n  orders: { connector: own, script: scripts/orders.ts }\n";
    await Deno.writeTextFile(join(options.cwd, "pipelines", "shop.yaml"), pipeline);
    await Deno.writeTextFile(join(options.cwd, "scripts", "orders.ts"), "\nexport const a = ;\n");
    const checked = await runPacked(["check"], options);
    strictEqual(checked.code, 2, checked.stderr);
    match(checked.stdout, /^scripts\/orders\.ts:2:18: Unexpected ";"$/m);
  });
});

Deno.test("first starts at the same time leave one whole copy", async () => {
  await withTempFolder(async (folder) => {
    const fresh = { cwd: folder, env: { XDG_CACHE_HOME: join(folder, "cache") } };
    const starts = await Promise.all([1, 2, 3].map(() => runPacked(["version"], fresh)));
    for (const { code, stdout, stderr } of starts) {
      deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
      match(stdout, VERSION_LINE);
    }
    const copies = await namesIn(join(folder, "cache", "sluice"));
    strictEqual(copies.length, 1, copies.join(", "));
    const inside = await namesIn(join(folder, "cache", "sluice", copies[0] ?? ""));
    deepStrictEqual(inside, ["LICENSES.txt", "bin", "complete", "deno", "lib"]);
  });
});

Deno.test("a damaged file says so, and leaves nothing behind", async () => {
  await withTempFolder(async (folder) => {
    const whole = await Deno.readFile(PACKED_SLUICE);
    const flipped = whole.slice();
    const middle = Math.floor(flipped.length / 2);
    flipped[middle] = (flipped[middle] ?? 0) ^ 1;
    const cases = [
      ["flipped", flipped, /is damaged: its archive does not match its checksum\. Download it again\./],
      ["short", whole.subarray(0, middle), /is damaged: \d+ bytes of its archive are there, expected \d+/],
    ] as const;
    for (const [name, bytes, message] of cases) {
      const binary = join(folder, name);
      await Deno.writeFile(binary, bytes, { mode: 0o755 });
      const home = join(folder, `${name}-cache`);
      const { code, stdout, stderr } = await runPacked(["version"], {
        cwd: folder,
        env: { XDG_CACHE_HOME: home },
        binary,
      });
      deepStrictEqual({ code, stdout }, { code: 126, stdout: "" });
      match(stderr, message);
      deepStrictEqual(await Array.fromAsync(Deno.readDir(join(home, "sluice"))), []);
    }
  });
});

Deno.test("a copy that lost a part is unpacked again", async () => {
  await withTempFolder(async (folder) => {
    const own = { cwd: folder, env: { XDG_CACHE_HOME: join(folder, "cache") } };
    strictEqual((await runPacked(["version"], own)).code, 0);
    const [name = ""] = await namesIn(join(folder, "cache", "sluice"));
    await Deno.remove(join(folder, "cache", "sluice", name, "lib", "app.mjs"));
    const again = await runPacked(["version"], own);
    strictEqual(again.code, 0, again.stderr);
    match(again.stdout, VERSION_LINE);
  });
});

Deno.test("where the home cannot be written it goes on in a temporary folder, and an old version goes", async () => {
  await withTempFolder(async (folder) => {
    // A file in the cache's place stops root too, whom permissions do not.
    await Deno.writeTextFile(join(folder, ".cache"), "");
    const temporary = join(folder, "tmp");
    const old = join(temporary, `sluice-${Deno.uid()}`, "sluice-0.0.0-0123456789abcdef");
    await Deno.mkdir(join(old, "bin"), { recursive: true });
    const { code, stderr } = await runPacked(["version"], {
      cwd: folder,
      env: { HOME: folder, TMPDIR: temporary },
    });
    strictEqual(code, 0, stderr);
    const copies = await namesIn(join(temporary, `sluice-${Deno.uid()}`));
    strictEqual(copies.length, 1);
    match(copies[0] ?? "", /^sluice-0\.1\.0-[0-9a-f]{16}$/);
  });
});
