import { DuckDBInstance } from "@duckdb/node-api";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import type { LogLine, PipelineSummary, RunDetail } from "../../contract/run.ts";
import { copy } from "./copy_folder.ts";
import { TestProject } from "./test_project.ts";

/** What the first release's own API said of its data folder. */
export interface Seen {
  /** The text of the token `ci`. */
  readonly operator: string;
  readonly pipelines: readonly PipelineSummary[];
  /** Newest first. */
  readonly runs: readonly RunDetail[];
  readonly logs: Readonly<Record<string, readonly LogLine[]>>;
  readonly tokens: readonly { id: string; name: string; role: string; created_at: string }[];
}

const FIXTURE = fileURLToPath(new URL("../fixtures/first_release/", import.meta.url));
const HOUR_MS = 3_600_000;

/**
 * Copies the project and the data folder of the first release into a folder of a test. Times are
 * moved so that the newest is `ageMs` old, an hour by default, as far as the first release kept them apart from rows:
 * else what is kept for so many days would be gone one day.
 */
export async function copyFirstRelease(ageMs = HOUR_MS): Promise<{ project: TestProject; seen: Seen }> {
  const project = await TestProject.create({});
  try {
    return { project, seen: await fill(project, ageMs) };
  } catch (error) {
    await project[Symbol.asyncDispose]();
    throw error;
  }
}

async function fill(project: TestProject, ageMs: number): Promise<Seen> {
  await copy(join(FIXTURE, "project"), project.projectDir);
  await copy(join(FIXTURE, "data"), project.dataDir, (name) => name !== "warehouse");
  await Deno.chmod(project.dataDir, 0o700);
  const seen: Seen = JSON.parse(await Deno.readTextFile(join(FIXTURE, "seen.json")));
  const newestMs = Math.max(...seen.runs.map((run) => Date.parse(run.finished_at ?? run.created_at)));
  const moveMs = Date.now() - ageMs - newestMs;
  moveStore(join(project.dataDir, "sluice.db"), moveMs);
  await Deno.mkdir(join(project.dataDir, "warehouse"));
  for await (const { name } of Deno.readDir(join(FIXTURE, "data", "warehouse"))) {
    const path = join(project.dataDir, "warehouse", name.replace(/\.gz$/, ""));
    const packed = await Deno.open(join(FIXTURE, "data", "warehouse", name));
    await Deno.writeFile(path, packed.readable.pipeThrough(new DecompressionStream("gzip")));
    await moveWarehouse(path, moveMs);
  }
  moveLedger(join(project.projectDir, "out", "report.sqlite"), moveMs);
  return moveSeen(seen, moveMs);
}

const TIMES: Readonly<Record<string, readonly string[]>> = {
  runs: ["window_start", "window_end", "created_at", "not_before", "started_at", "finished_at"],
  step_runs: ["started_at", "finished_at"],
  run_logs: ["at"],
  users: ["created_at"],
  tokens: ["created_at", "last_used_at"],
};

function moveStore(path: string, moveMs: number): void {
  using database = new DatabaseSync(path);
  for (const [table, columns] of Object.entries(TIMES)) {
    const changes = columns.map((column) => `${column} = ${column} + ${moveMs}`);
    database.exec(`UPDATE ${table} SET ${changes.join(", ")}`);
  }
}

function moveLedger(path: string, moveMs: number): void {
  using database = new DatabaseSync(path);
  database.exec(
    `UPDATE _sluice_loads SET loaded_at = strftime('%Y-%m-%dT%H:%M:%fZ', loaded_at, '${
      moveMs / 1_000
    } seconds')`,
  );
}

async function moveWarehouse(path: string, moveMs: number): Promise<void> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  try {
    await connection.run(
      `UPDATE _sluice.steps SET committed_at = committed_at + to_milliseconds(${moveMs});
       UPDATE _sluice.cursors SET updated_at = updated_at + to_milliseconds(${moveMs})`,
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function moveSeen(seen: Seen, moveMs: number): Seen {
  return JSON.parse(
    JSON.stringify(seen),
    (_, value) =>
      typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value)
        ? new Date(Date.parse(value) + moveMs).toISOString()
        : value,
  );
}
