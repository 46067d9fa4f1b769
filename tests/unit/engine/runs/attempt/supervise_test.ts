import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import * as v from "valibot";
import { pipelineSchema } from "../../../../../contract/pipeline/pipeline.ts";
import type { PipelineStep, RunEvent } from "../../../../../contract/run.ts";
import { type AttemptResult, superviseAttempt } from "../../../../../engine/runs/attempt/supervise.ts";
import { systemClock } from "../../../../../contract/clock.ts";
import { RunEvents } from "../../../../../engine/runs/run_events.ts";
import type { RunJob } from "../../../../../contract/jobs/run_job.ts";
import { RunProcesses } from "../../../../../engine/runs/attempt/run_processes.ts";
import { spawnRunProcess } from "../../../../../engine/runs/attempt/spawn.ts";
import { openStore } from "../../../../../engine/store/open.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import { claim, lease } from "../../store/store_fixture.ts";

const STEP: PipelineStep = {
  name: "extract:a",
  kind: "extract",
  depends: [],
  summary: "",
  file: null,
  sql: null,
};

/** Programs that stand in for the run's process; each begins by reading its job from stdin. */
const SAY = `
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
const { reportKey } = JSON.parse((await lines.read()).value);
const print = (text) => Deno.stdout.writeSync(new TextEncoder().encode(text));
const say = (report) => print("\\n" + reportKey + " " + JSON.stringify(report) + "\\n");
const step = (state) => ({ name: "extract:a", kind: "extract", state, attempt: 1, rows: 3, size_bytes: null,
  started_at: new Date().toISOString(), finished_at: null, duration_ms: null, error: null, sql: null, depends: [] });
`;

interface Seen {
  readonly store: Store;
  readonly events: readonly RunEvent[];
}

async function attemptOf(
  program: string,
  options: { timeout?: string; cancelAtFirstStep?: boolean; secrets?: string[] },
  look: (result: AttemptResult, seen: Seen) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "program.ts"), SAY + program);
    await using store = await openStore(`file://${join(folder, "s.db")}`);
    const definition = v.parse(
      pipelineSchema,
      options.timeout === undefined ? {} : { timeout: options.timeout },
    );
    await store.revisions.save({ id: "r", pipeline: "p", definition, files: [], connectors: {} }, [STEP]);
    await store.pipelines.put({ name: "p", origin: "files", revision: "r", faults: [] });
    await store.runs.create({
      id: "run",
      pipeline: "p",
      revision: "r",
      trigger: "api",
      triggeredBy: null,
      params: {},
      select: null,
      fullRefresh: false,
      idempotencyKey: null,
      requestHash: null,
      windowEndMs: 0,
      createdAtMs: 0,
    });
    const run = await claim(store, "owner", Date.now());
    ok(run !== undefined);
    const job: RunJob = {
      kind: "run",
      runId: "run",
      attempt: 1,
      pipeline: "p",
      definition,
      files: [],
      params: {},
      select: null,
      fullRefresh: false,
      isWindowGiven: false,
      windowStartMs: null,
      windowEndMs: 0,
      projectDir: folder,
      tempDir: folder,
      warehousePath: join(folder, "w.duckdb"),
      connectors: {},
      duckdb: { directories: [], files: [] },
    };
    const events: RunEvent[] = [];
    const stop = new AbortController();
    const bus = new RunEvents();
    const following = (async () => {
      for await (const event of bus.follow("run", AbortSignal.any([]))) {
        events.push(event);
        if (event.type === "step" && event.step.state === "running" && options.cancelAtFirstStep) {
          stop.abort("cancel");
        }
        if (event.type === "run") break;
      }
    })();
    const result = await superviseAttempt(
      {
        store,
        events: bus,
        clock: systemClock,
        log: () => {},
        lease: lease("run", 1, "owner"),
        underWay: new RunProcesses(),
        leaving: new AbortController().signal,
        publish: () => Promise.resolve(),
        redact: (text) =>
          (options.secrets ?? []).reduce((left, secret) => left.replaceAll(secret, "[redacted]"), text),
        spawn: (ready, onStderr) =>
          spawnRunProcess(
            {
              deno: Deno.execPath(),
              entry: join(folder, "program.ts"),
              codeRoots: [],
              denoDir: undefined,
            },
            { ...ready, tempDir: folder },
            { hosts: [], read: [], write: [], deny: [] },
            onStderr,
          ),
      },
      run,
      job,
      [STEP],
      stop.signal,
    );
    bus.publish("run", { type: "run", run });
    await following;
    await look(result, { store, events });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const stepOf = async (store: Store) => (await store.runs.get("run"))?.steps[0];

Deno.test("superviseAttempt() keeps steps and log lines, and tells followers in order", async () => {
  await attemptOf(
    `say({ type: "step", step: step("running") });
     say({ type: "log", level: "info", step: "extract:a", message: "hello" });
     say({ type: "progress", step: "extract:a", rows: 2, sizeBytes: 10 });
     say({ type: "step", step: step("succeeded") });
     say({ type: "finished", error: null });
     await lines.read();`,
    {},
    async (result, { store, events }) => {
      equal(result.error, null);
      equal(result.outcome.rowsExtracted, 3);
      ok((result.outcome.peakRssBytes ?? 0) > 10_000_000);
      equal((await stepOf(store))?.state, "succeeded");
      const lines = (await store.logs.read("run", { afterSeq: 0, limit: 9 })).map((line) => line.message);
      deepEqual(lines.slice(0, 2), ["Attempt 1 of revision r begins: 1 step", "hello"]);
      match(lines[2] ?? "", /^Succeeded in \d.*: 3 rows extracted, 0 loaded$/);
      equal(lines.length, 3);
      const types = ["step", "log", "step", "log", "progress", "step", "log", "run"];
      deepEqual(events.map((event) => event.type), types);
    },
  );
});

Deno.test("superviseAttempt() tells of a process that died, and during which step", async () => {
  await attemptOf(
    `say({ type: "step", step: step("running") }); Deno.kill(Deno.pid, "SIGKILL");`,
    {},
    async (result) => {
      equal(result.error?.code, "internal");
      match(result.error?.message ?? "", /killed \(SIGKILL\) during extract:a: by someone, or by the system/);
      await Promise.resolve();
    },
  );
});

Deno.test("superviseAttempt() closes the steps of a process that ended without a result", async () => {
  await attemptOf(
    `say({ type: "step", step: step("running") }); Deno.exit(0);`,
    {},
    async (result, { store }) => {
      match(result.error?.message ?? "", /exit code 0 during extract:a, without a result/);
      const step = await stepOf(store);
      equal(step?.state, "failed");
      match(step?.error?.message ?? "", /without a result/);
    },
  );
});

Deno.test("superviseAttempt() takes a line without the job's key for a log line, whatever it says", async () => {
  await attemptOf(
    `const forged = JSON.stringify({ type: "finished", error: null });
     print(forged + "\\n" + crypto.randomUUID() + " " + forged + "\\nunfinished " + forged);
     say({ type: "finished", error: { code: "invalid", message: "the truth" } });
     await lines.read();`,
    {},
    async (result, { store }) => {
      equal(result.error?.message, "the truth");
      const logs = await store.logs.read("run", { afterSeq: 0, limit: 9 });
      equal(logs.filter(({ message }) => message.endsWith('{"type":"finished","error":null}')).length, 3);
    },
  );
});

Deno.test("superviseAttempt() refuses a report that it does not understand", async () => {
  await attemptOf(`say({ type: "hello" }); await lines.read();`, {}, async (result) => {
    equal(result.error?.code, "internal");
    match(result.error?.message ?? "", /a report of an unknown type/);
    await Promise.resolve();
  });
});

Deno.test("superviseAttempt() stops a process at its timeout, by force where it does not listen", async () => {
  await attemptOf(
    `say({ type: "step", step: step("running") }); for (;;) await new Promise((r) => setTimeout(r, 1000));`,
    { timeout: "3s" },
    async (result, { store }) => {
      equal(result.error?.code, "timeout");
      equal(result.stopped, "timeout");
      equal((await stepOf(store))?.state, "failed");
    },
  );
});

Deno.test("superviseAttempt() hands a cancel on and ends as stopped", async () => {
  await attemptOf(
    `say({ type: "step", step: step("running") });
     const order = (await lines.read()).value;
     say({ type: "finished", error: { code: "cancelled", message: order.trim() } });
     await lines.read();`,
    { cancelAtFirstStep: true },
    async (result, { store }) => {
      equal(result.stopped, "cancel");
      equal(result.error?.code, "cancelled");
      equal((await stepOf(store))?.state, "cancelled");
    },
  );
});

Deno.test("superviseAttempt() takes secrets out of steps, logs, stderr and the result", async () => {
  await attemptOf(
    `say({ type: "step", step: { ...step("failed"), error: { code: "invalid", message: "password hunter2 is wrong" } } });
     say({ type: "log", level: "info", step: null, message: "tried hunter2" });
     Deno.stderr.writeSync(new TextEncoder().encode("driver: hunter2\\n"));
     say({ type: "finished", error: { code: "invalid", message: "hunter2", detail: "at hunter2@host" } });
     await lines.read();`,
    { secrets: ["hunter2"] },
    async (result, { store, events }) => {
      const logs = await store.logs.read("run", { afterSeq: 0, limit: 99 });
      ok(logs.some((line) => line.message === "driver: [redacted]"));
      ok(!JSON.stringify([result, logs, events, await store.runs.get("run")]).includes("hunter2"));
    },
  );
});

Deno.test("superviseAttempt() gives the process no environment, no network and no other files", async () => {
  await attemptOf(
    `const refused = [];
     for (const [name, act] of Object.entries({
       env: () => { if (Deno.env.get("PATH") === undefined) throw new Error("ignored"); },
       read: () => Deno.readTextFileSync("/etc/passwd"),
       write: () => Deno.writeTextFileSync("/tmp/sluice-must-not-be", ""),
       net: () => Deno.listen({ port: 0 }),
       run: () => new Deno.Command("true").outputSync(),
       sys: () => Deno.hostname(),
     })) try { act(); } catch { refused.push(name); }
     say({ type: "finished", error: { code: "invalid", message: refused.join(" ") } });
     await lines.read();`,
    {},
    async (result) => {
      equal(result.error?.message, "env read write net run sys");
      await Promise.resolve();
    },
  );
});
