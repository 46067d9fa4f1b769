import { deepEqual, equal, notEqual } from "node:assert/strict";
import { join } from "node:path";
import * as v from "valibot";
import { pipelineSchema } from "../../../../../contract/pipeline/pipeline.ts";
import {
  type ProcessGrant,
  ProcessPool,
  type UnplacedJob,
} from "../../../../../engine/runs/attempt/process_pool.ts";
import type { RunProcess } from "../../../../../engine/runs/attempt/spawn.ts";
import { FakeClock, settle } from "../../../../support/fake_clock.ts";

/** Says that it has loaded, waits for its job, and reports its folder, then waits for the end of stdin. */
const PROGRAM = `
Deno.stdout.writeSync(new TextEncoder().encode("\\n"));
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
const { value } = await lines.read();
if (value === undefined) Deno.exit(0);
const { reportKey, tempDir } = JSON.parse(value);
Deno.writeTextFileSync(tempDir + "/spilt", "x");
const report = { type: "log", level: "info", step: null, message: tempDir };
Deno.stdout.writeSync(new TextEncoder().encode(reportKey + " " + JSON.stringify(report) + "\\n"));
await lines.read();
`;

class Bench implements AsyncDisposable {
  readonly clock = new FakeClock(0);
  readonly #folder: string;
  readonly pool: ProcessPool;

  private constructor(folder: string) {
    this.#folder = folder;
    const program = {
      deno: Deno.execPath(),
      entry: join(folder, "program.ts"),
      codeRoots: [],
      denoDir: undefined,
    };
    this.pool = new ProcessPool({ program, folder: join(folder, "tmp"), clock: this.clock });
  }

  static async create(): Promise<Bench> {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(join(folder, "program.ts"), PROGRAM);
    return new Bench(folder);
  }

  grant(host: string): ProcessGrant {
    return { permissions: { hosts: [host], read: [], write: [], deny: [] }, projectDir: this.#folder };
  }

  /** Runs a job to its first report and returns the folder that its process had. */
  async run(grant: ProcessGrant): Promise<{ pid: number; folder: string }> {
    const job: UnplacedJob = {
      kind: "run",
      runId: "run",
      attempt: 1,
      pipeline: "p",
      definition: v.parse(pipelineSchema, {}),
      files: [],
      params: {},
      select: null,
      fullRefresh: false,
      isWindowGiven: false,
      windowStartMs: null,
      windowEndMs: 0,
      projectDir: this.#folder,
      connectors: {},
      duckdb: { directories: [], files: [] },
      warehousePath: join(this.#folder, "w.duckdb"),
    };
    await using process: RunProcess = await this.pool.start(grant, job, () => {});
    for await (const report of process.reports) {
      if (report.type === "log") return { pid: process.pid, folder: report.message };
    }
    throw new Error("the process said nothing");
  }

  /** What is left in the folder of the processes' folders. */
  async left(): Promise<string[]> {
    try {
      return await Array.fromAsync(Deno.readDir(join(this.#folder, "tmp")), ({ name }) => name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

Deno.test("start() gives each job a process and a folder of its own, and leaves nothing of them", async () => {
  await using bench = await Bench.create();
  const first = await bench.run(bench.grant("a:1"));
  const second = await bench.run(bench.grant("a:1"));
  notEqual(first.folder, second.folder);
  notEqual(first.pid, second.pid);
  deepEqual(await bench.left(), []);
});

Deno.test("start() takes the process that waits for this grant, and no other", async () => {
  await using bench = await Bench.create();
  bench.pool.warm(bench.grant("a:1"));
  bench.pool.warm(bench.grant("a:1"));
  await bench.run(bench.grant("b:1"));
  for (const more of [{ commands: ["/bin/true"] }, { startsScripts: true }, { environment: ["HOME"] }]) {
    const grant = bench.grant("a:1");
    await bench.run({ ...grant, permissions: { ...grant.permissions, ...more } });
  }
  equal(bench.pool.waiting.length, 1);
  await bench.run(bench.grant("a:1"));
  equal(bench.pool.waiting.length, 0);
});

Deno.test("startWaiting() hands a check to the process that waits for its grant, and starts none", async () => {
  await using bench = await Bench.create();
  const grant = bench.grant("a:1");
  const job = {
    kind: "check" as const,
    projectDir: grant.projectDir,
    connectors: {},
    duckdb: { directories: [], files: [] },
    pipelines: [],
  };
  equal(await bench.pool.startWaiting(grant, job, () => {}), undefined);
  await bench.pool.warm(grant);
  const [waiting] = bench.pool.waiting;
  equal(await bench.pool.startWaiting(bench.grant("b:1"), job, () => {}), undefined);
  {
    await using process = await bench.pool.startWaiting(grant, job, () => {});
    equal(process?.pid, waiting);
  }
  equal(bench.pool.waiting.length, 0);
  deepEqual(await bench.left(), []);
});

Deno.test("start() passes over a process that died while it waited", async () => {
  await using bench = await Bench.create();
  bench.pool.warm(bench.grant("a:1"));
  await bench.pool.settled();
  const [pid = 0] = bench.pool.waiting;
  Deno.kill(pid, "SIGKILL");
  while (bench.pool.waiting.length > 0) await settle();
  const { pid: other } = await bench.run(bench.grant("a:1"));
  notEqual(other, pid);
});

Deno.test("a process waits for a minute, and no more wait than asked for", async () => {
  await using bench = await Bench.create();
  bench.pool.keepReady(2);
  for (const host of ["a:1", "b:1", "c:1"]) {
    bench.pool.warm(bench.grant(host));
    await bench.pool.settled();
  }
  equal(bench.pool.waiting.length, 2);
  await bench.clock.advance(60_000);
  await bench.pool.settled();
  equal(bench.pool.waiting.length, 0);
  deepEqual(await bench.left(), []);
});
