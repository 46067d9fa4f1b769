import { DuckDBInstance } from "@duckdb/node-api";
import { equal, fail } from "node:assert/strict";
import { join } from "node:path";
import type { Run, RunDetail, Step } from "../../contract/run.ts";
import { SluiceServer, waitFor } from "./sluice_server.ts";
import { TestProject } from "./test_project.ts";

/** Enough for a run on a machine that is busy with other tests. */
export const PATIENCE_MS = 60_000;

export const CONNECTORS = "files: { type: file }\nlite: { type: sqlite, path: out/lite.sqlite }\n";

/** A query that goes on for minutes, on one thread, without memory. */
export const ENDLESS = "SELECT count(*) AS n FROM range(50000000000) a(i) WHERE hash(i) % 7 = 8\n";
export const ONE_THREAD = "resources: { threads: 1 }\n";

/** A server that starts processes only for runs that are there, so that one can see when they are gone. */
export const NONE_READY = { SLUICE_READY_PROCESSES: "0" };

/** A project with a server on it. */
export class Served implements AsyncDisposable {
  readonly project: TestProject;
  readonly #env: Record<string, string>;
  #server: SluiceServer;

  private constructor(project: TestProject, server: SluiceServer, env: Record<string, string>) {
    this.project = project;
    this.#server = server;
    this.#env = env;
  }

  static async start(files: Readonly<Record<string, string | Uint8Array>>, env: Record<string, string> = {}) {
    const project = await TestProject.create({ "connectors.yaml": CONNECTORS, ...files });
    try {
      return new Served(project, await SluiceServer.start(project.projectDir, project.dataDir, env), env);
    } catch (error) {
      await project[Symbol.asyncDispose]();
      throw error;
    }
  }

  get server(): SluiceServer {
    return this.#server;
  }

  /** Stops the server in order and starts another on the same project and data folder. */
  async restart(): Promise<void> {
    await this.#server.stop();
    await this.startNext();
  }

  /** Starts another server where the last one was stopped or killed. */
  async startNext(): Promise<void> {
    this.#server = await SluiceServer.start(this.project.projectDir, this.project.dataDir, this.#env);
  }

  /** Triggers a run and waits for its end. */
  async runToEnd(pipeline: string, body: unknown = {}): Promise<RunDetail> {
    return await this.#server.ended((await this.#server.trigger(pipeline, body)).id, PATIENCE_MS);
  }

  /** The same, for a run that has to succeed. */
  async succeed(pipeline: string, body: unknown = {}): Promise<RunDetail> {
    const run = await this.runToEnd(pipeline, body);
    equal(run.state, "succeeded", JSON.stringify(run.error));
    return run;
  }

  /** Waits until the run's step is at work. */
  async untilRunning(id: string, step: string): Promise<RunDetail> {
    const run = await waitFor(async () => {
      const now = await this.#server.run(id);
      return now.steps.some(({ name, state }) => name === step && state === "running") ? now : undefined;
    }, PATIENCE_MS);
    return run ?? fail(`${step} did not start: ${JSON.stringify(await this.#server.run(id))}`);
  }

  /** Cancels a run and waits for its end. */
  async cancel(id: string): Promise<RunDetail> {
    await this.#server.call<Run>("POST", `/api/runs/${id}/cancel`);
    return await this.#server.ended(id, PATIENCE_MS);
  }

  runs(pipeline: string): Promise<Run[]> {
    return this.#server.call("GET", `/api/runs?pipeline=${pipeline}&limit=500`);
  }

  /** Rows of the pipeline's warehouse, values as text; no run may be at work. */
  async warehouse(pipeline: string, sql: string): Promise<string[][]> {
    const [rows = []] = await this.warehouseAll(pipeline, [sql]);
    return rows;
  }

  /** The same of several queries, for which the warehouse is opened once. */
  async warehouseAll(pipeline: string, queries: readonly string[]): Promise<string[][][]> {
    return await queryAll(join(this.project.dataDir, "warehouse", `${pipeline}.duckdb`), queries);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // In order, so that no run's process still writes into the folder that is removed.
    await this.#server.stop();
    await this.project[Symbol.asyncDispose]();
  }
}

/** Rows of a query over files, values as text. */
export async function queryFiles(sql: string): Promise<string[][]> {
  const [rows = []] = await queryAll(":memory:", [sql]);
  return rows;
}

/** Rows of a query over a warehouse that nobody has open, values as text. */
export async function queryWarehouse(path: string, sql: string): Promise<string[][]> {
  const [rows = []] = await queryAll(path, [sql]);
  return rows;
}

async function queryAll(path: string, queries: readonly string[]): Promise<string[][][]> {
  const instance = await DuckDBInstance.create(
    path,
    path === ":memory:" ? {} : { access_mode: "READ_ONLY" },
  );
  const connection = await instance.connect();
  try {
    const results: string[][][] = [];
    for (const sql of queries) {
      const result = await connection.runAndReadAll(sql);
      results.push(result.getRows().map((row) => row.map((value) => String(value))));
    }
    return results;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

export function step(run: RunDetail, name: string): Step {
  return run.steps.find((found) => found.name === name) ??
    fail(`the run has no step ${name}: ${run.steps.map((found) => found.name).join(", ")}`);
}

/** Step → state. */
export const states = (run: RunDetail): Record<string, string> =>
  Object.fromEntries(run.steps.map(({ name, state }) => [name, state]));

/** Asks until the answer is right. */
export async function until(what: string, ask: () => Promise<boolean>): Promise<void> {
  const answer = await waitFor(async () => (await ask()) || undefined, PATIENCE_MS);
  if (answer === undefined) fail(`this did not happen: ${what}`);
}
