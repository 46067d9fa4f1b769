import { deepStrictEqual, fail, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { sluiceArgs, SluiceServer, waitFor } from "../../support/sluice_server.ts";

/** Real commands on a real project: each test has a project, a data folder and processes of its own. */

const QUICK = `extract:
  orders: { connector: files, path: orders.csv }
transform: quick
params:
  region: { type: string, default: eu }
`;
const QUICK_SQL =
  "SELECT region, count(*) AS n FROM raw.orders WHERE region = getvariable('region') GROUP BY ALL\n";
/** Longer than any test waits: it ends by being told to. */
const SLOW_SQL = "SELECT count(*) AS n FROM range(2000000) a, range(2000000) b WHERE a.range + b.range > 5\n";

async function withProject(work: (project: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-cli-" });
  try {
    for (const name of ["pipelines", "transforms/quick", "transforms/slow"]) {
      await Deno.mkdir(join(folder, name), { recursive: true });
    }
    await Deno.writeTextFile(join(folder, "connectors.yaml"), "files: { type: file }\n");
    await Deno.writeTextFile(join(folder, "orders.csv"), "id,region\n1,eu\n2,eu\n3,us\n");
    await Deno.writeTextFile(join(folder, "pipelines", "quick.yaml"), QUICK);
    await Deno.writeTextFile(join(folder, "pipelines", "slow.yaml"), "transform: slow\n");
    await Deno.writeTextFile(join(folder, "transforms", "quick", "by_region.sql"), QUICK_SQL);
    await Deno.writeTextFile(join(folder, "transforms", "slow", "slow.sql"), SLOW_SQL);
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A command that goes on, with what it has printed so far. */
class Running implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #done: Promise<void[]>;
  stdout = "";
  stderr = "";

  constructor(project: string, args: readonly string[], env: Record<string, string> = {}) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: sluiceArgs(...args),
      cwd: project,
      env: { SLUICE_PROJECT: project, USER: "tester", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const collect = async (stream: ReadableStream<Uint8Array>, add: (text: string) => void) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) add(text);
    };
    this.#done = Promise.all([
      collect(this.#child.stdout, (text) => this.stdout += text),
      collect(this.#child.stderr, (text) => this.stderr += text),
    ]);
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits until what it printed to stderr matches. */
  async says(pattern: RegExp): Promise<void> {
    const found = await waitFor(() => Promise.resolve(pattern.test(this.stderr) || undefined), 20_000);
    if (found === undefined) fail(`expected ${pattern} in:\n${this.stderr}`);
  }

  async ended(): Promise<{ code: number; stdout: string; stderr: string }> {
    const { code } = await this.#child.status;
    await this.#done;
    return { code, stdout: this.stdout, stderr: this.stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.ended();
  }
}

async function sluice(project: string, ...args: string[]) {
  await using running = new Running(project, args);
  return await running.ended();
}

/** The newest run, once it is in that state. */
async function newestRun(project: string, state: string): Promise<{ id: string; reason: string | null }> {
  const run = await waitFor(async () => {
    const { stdout } = await sluice(project, "runs", "--json", "--limit", "1");
    const [newest] = JSON.parse(stdout);
    return newest?.state === state ? newest : undefined;
  }, 20_000);
  return run ?? fail(`no run became ${state}`);
}

Deno.test("sluice run prints its outcome, and its last line with --json is one object", async () => {
  await withProject(async (project) => {
    const plain = await sluice(project, "run", "quick");
    strictEqual(plain.code, 0, plain.stderr);
    match(plain.stdout, /^quick succeeded in .*: 3 rows extracted, 0 loaded \(run \w+\)\n$/);
    match(plain.stderr, /✓ extract:orders +3 rows/);
    const { code, stdout, stderr } = await sluice(
      project,
      "run",
      "quick",
      "--json",
      "--quiet",
      "--param",
      "region=us",
    );
    deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
    const outcome = JSON.parse(stdout);
    strictEqual(outcome.state, "succeeded");
    deepStrictEqual(
      Object.keys(outcome).filter((key) => !["pipeline", "warnings", "error"].includes(key)),
      ["id", "state", "rows_extracted", "rows_loaded", "duration_ms", "steps"],
    );
    const shown = await sluice(project, "show", outcome.id);
    match(shown.stdout, /^trigger +cli by tester$/m);
    match(shown.stdout, /^params +region=us$/m);
  });
});

Deno.test("sluice run ends with 1 for a run that fails and with 2 for a pipeline that is wrong", async () => {
  await withProject(async (project) => {
    await Deno.writeTextFile(
      join(project, "transforms/quick/by_region.sql"),
      "SELECT error('no ' || region) AS x FROM raw.orders\n",
    );
    const failed = await sluice(project, "run", "quick");
    strictEqual(failed.code, 1, failed.stderr);
    match(failed.stdout, /^quick failed after .*no eu/);
    await Deno.writeTextFile(
      join(project, "transforms/quick/by_region.sql"),
      "SELECT nope FROM raw.orders\n",
    );
    const wrong = await sluice(project, "run", "quick");
    strictEqual(wrong.code, 2);
    match(wrong.stderr, /^transforms\/quick\/by_region\.sql:1:8: .*nope/m);
    strictEqual((await sluice(project, "run", "nope")).code, 2);
    strictEqual((await sluice(project, "run", "quick", "--param", "nope=1")).code, 2);
    strictEqual((await sluice(project, "check")).code, 2);
    const left = await sluice(project, "run", "quick", "--detach");
    strictEqual(left.code, 2);
    match(left.stderr, /--detach needs a server/);
  });
});

Deno.test("a run can be looked at while it goes on, and Ctrl-C cancels it", async () => {
  await withProject(async (project) => {
    await using slow = new Running(project, ["run", "slow"]);
    const { id } = await newestRun(project, "running");
    const shown = await sluice(project, "show", id);
    match(shown.stdout, /^state +running$/m);
    const cancelled = await sluice(project, "cancel", id);
    strictEqual(cancelled.code, 2, "another command holds the folder");
    match(cancelled.stderr, /sluice run \(pid \d+\) is using it/);
    slow.signal("SIGINT");
    const { code, stdout } = await slow.ended();
    strictEqual(code, 1);
    match(stdout, /^slow cancelled after/);
    await newestRun(project, "cancelled");
  });
});

Deno.test("a second sluice run waits for the first one", async () => {
  await withProject(async (project) => {
    await using slow = new Running(project, ["run", "slow"]);
    await newestRun(project, "running");
    await using quick = new Running(project, ["run", "quick"]);
    await quick.says(/Waiting for sluice run \(pid \d+\), which is using/);
    slow.signal("SIGTERM");
    strictEqual((await slow.ended()).code, 1);
    const { code, stdout, stderr } = await quick.ended();
    strictEqual(code, 0, stdout + stderr);
  });
});

Deno.test("commands go through the server that holds the folder", async () => {
  await withProject(async (project) => {
    const data = join(project, ".sluice");
    await using server = await SluiceServer.start(project, data);
    const ran = await sluice(project, "run", "quick", "--param", "region=us");
    strictEqual(ran.code, 0, ran.stdout + ran.stderr);
    match(ran.stdout, /^quick succeeded in/);
    const left = await sluice(project, "run", "quick", "--detach", "--json");
    strictEqual(left.code, 0, left.stderr);
    strictEqual(JSON.parse(left.stdout).pipeline, "quick");
    strictEqual((await server.ended(JSON.parse(left.stdout).id)).state, "succeeded");
    const again = await sluice(project, "rerun", JSON.parse(left.stdout).id, "--detach");
    match(again.stdout, /^quick (queued|running|succeeded) \(run \w+\)\n$/);
    match(again.stderr, /Follow it with .*logs \w+ --follow/);
    // Else the newest run may be this one still, and end before it is cancelled.
    await newestRun(project, "succeeded");
    await using slow = new Running(project, ["run", "slow"]);
    const { id } = await newestRun(project, "running");
    await using logs = new Running(project, ["logs", id, "--follow", "--json"]);
    strictEqual((await sluice(project, "cancel", id)).code, 0);
    strictEqual((await slow.ended()).code, 1);
    strictEqual((await logs.ended()).code, 0);
    const search = await sluice(
      project,
      "logs",
      "--search",
      "SUCCEEDED",
      "--pipeline",
      "quick",
      "--since",
      "1h",
    );
    match(search.stdout, new RegExp(`^\\S+ info {2}quick \\w{8} .*Succeeded`, "m"));
    const inRun = await sluice(project, "logs", id, "--search", "attempt", "--level", "info", "--json");
    strictEqual(JSON.parse(inRun.stdout.split("\n")[0] ?? "").attempt, 1);
    strictEqual((await sluice(project, "logs")).code, 2);
    const whole = (await sluice(project, "logs", id)).stdout.trimEnd().split("\n");
    strictEqual((await sluice(project, "logs", id, "--tail", "2")).stdout, `${whole.slice(-2).join("\n")}\n`);
    strictEqual((await sluice(project, "logs", id, "--tail", "2", "--limit", "2")).code, 2);
    strictEqual((await sluice(project, "apply")).stdout, "unchanged  quick\nunchanged  slow\n");
    match(
      (await sluice(project, "show", id.slice(-8).toLowerCase())).stdout,
      new RegExp(`^run +${id}$`, "m"),
    );
    strictEqual((await sluice(project, "pause", "quick")).stdout, "Paused quick, which has no schedule\n");
    strictEqual((await sluice(project, "resume", "quik")).code, 2);
    const created = await sluice(project, "tokens", "create", "ci", "--role", "operator");
    match(created.stdout, /^slc_\S+\n$/);
    match((await sluice(project, "tokens")).stdout, / ci +operator /);
    const second = await sluice(project, "serve", "--port", "0");
    strictEqual(second.code, 2);
    ok(
      second.stderr.includes(`sluice serve at ${server.url} (pid ${server.pid}) is using it`),
      second.stderr,
    );
  });
});

Deno.test("a server logs the faults of files that changed, each with its place", async () => {
  await withProject(async (project) => {
    await using server = new Running(project, ["serve", "--port", "0"]);
    const isServing = await waitFor(
      () => Promise.resolve(/^Sign in at/m.test(server.stdout) || undefined),
      20_000,
    );
    ok(isServing, server.stderr);
    await Deno.writeTextFile(join(project, "pipelines", "wrong.yaml"), "schedul: { cron: '0 5 * * *' }\n");
    await server.says(/error pipelines\/wrong\.yaml:1:1: schedul: unknown key \(did you mean schedule\?\)/);
  });
});

Deno.test("a server that was killed leaves nothing in the way", async () => {
  await withProject(async (project) => {
    const data = join(project, ".sluice");
    const server = await SluiceServer.start(project, data);
    await server.trigger("quick");
    await server.kill();
    const ran = await sluice(project, "run", "quick");
    strictEqual(ran.code, 0, ran.stdout + ran.stderr);
  });
});

Deno.test("a server that is told to stop puts its runs back", async () => {
  await withProject(async (project) => {
    const data = join(project, ".sluice");
    const server = await SluiceServer.start(project, data);
    const { id } = await server.trigger("slow");
    await waitFor(async () => (await server.run(id)).state === "running" || undefined, 20_000);
    match(await server.stop(), /Stopping; runs under way go on at the next start/);
    match((await newestRun(project, "queued")).reason ?? "", /goes on at its next start/);
    strictEqual((await sluice(project, "cancel", id)).stdout, `${id} is cancelled\n`);
  });
});

Deno.test("sluice serve refuses a port in use, a host of another machine and a folder without a project", async () => {
  await withProject(async (project) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const taken = await sluice(project, "serve", "--port", String(listener.addr.port));
    strictEqual(taken.code, 2);
    match(
      taken.stderr,
      new RegExp(`Cannot listen on 127\\.0\\.0\\.1:${listener.addr.port}: the port is in use`),
    );
    const elsewhere = await sluice(project, "serve", "--port", "0", "--host", "203.0.113.1");
    strictEqual(elsewhere.code, 2);
    match(elsewhere.stderr, /not an address or name of this machine/);
    const empty = join(project, "transforms");
    const nothing = await sluice(project, "serve", "--port", "0", "--project", empty);
    strictEqual(nothing.code, 2);
    match(nothing.stderr, /No project in .*transforms: expected pipelines\/ or connectors\.yaml there/);
    const names = await Array.fromAsync(Deno.readDir(empty), ({ name }) => name);
    deepStrictEqual(names.toSorted(), ["quick", "slow"]);
  });
});

Deno.test("a reader that goes away is no error", async () => {
  await withProject(async (project) => {
    await sluice(project, "run", "quick");
    const shell = new Deno.Command("sh", {
      args: [
        "-c",
        '"$@" | head -n 0; exit 0',
        "sh",
        Deno.execPath(),
        ...sluiceArgs("runs", "--project", project),
      ],
      stdin: "null",
    });
    const { stderr } = await shell.output();
    strictEqual(new TextDecoder().decode(stderr), "");
  });
});

Deno.test("pipelines lists what is in force and how it went last", async () => {
  await withProject(async (project) => {
    const before = await sluice(project, "pipelines");
    match(before.stderr, /No pipelines in force\. .*apply/);
    strictEqual((await sluice(project, "run", "quick", "--quiet")).code, 0);
    const { stdout } = await sluice(project, "pipelines");
    match(stdout, /^PIPELINE +SCHEDULE/m);
    match(stdout, /^quick .* succeeded$/m);
    match(stdout, /^slow$/m);
    const [first] = JSON.parse((await sluice(project, "pipelines", "--json")).stdout);
    strictEqual(first.name, "quick");
  });
});
