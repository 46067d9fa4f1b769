import { Int32, Utf8 } from "apache-arrow";
import { join } from "node:path";
import * as v from "valibot";
import type { Connector } from "../../../../contract/connector/connector.ts";
import type { Load, LoadRequest } from "../../../../contract/connector/destination.ts";
import type {
  Part,
  ReadMessage,
  ReadRequest,
  Scan,
  StreamRequest,
} from "../../../../contract/connector/source.ts";
import type { Report } from "../../../../contract/jobs/reports.ts";
import type { RunJob } from "../../../../contract/jobs/run_job.ts";
import { pipelineSchema } from "../../../../contract/pipeline/pipeline.ts";
import type { Step } from "../../../../contract/run.ts";
import type { SqlRow } from "../../../../contract/sql.ts";
import { sluice } from "../../../../connectors/sluice/connector.ts";
import { file } from "../../../../connectors/files/connector.ts";
import { openDatabase } from "../../../../engine/duckdb/database.ts";
import { Reporter } from "../../../../engine/worker/reporter.ts";
import { runJob } from "../../../../engine/worker/run_job.ts";
import { batchOf, type Cell, testColumn } from "../../../support/arrow_rows.ts";
import { tempFolder } from "../duckdb/fixtures.ts";

/** Rows of one stream: columns `id` and `x`. */
export const rows = (stream: string, ...values: readonly (readonly [Cell, Cell])[]): ReadMessage => ({
  type: "rows",
  stream,
  batch: batchOf([
    testColumn("id", new Int32(), values.map(([id]) => id)),
    testColumn("x", new Utf8(), values.map(([, x]) => x)),
  ]),
});

export interface MemorySystem {
  /** What a stream is read as, by its name. */
  readonly read: (request: ReadRequest, signal: AbortSignal) => AsyncIterable<ReadMessage>;
  /** In place of `read`: what DuckDB reads by itself. */
  readonly scan?: (request: StreamRequest) => Scan | undefined;
  readonly partition?: (stream: StreamRequest) => readonly Part[];
  /** About how many rows there are, as its planner would say. */
  readonly estimate?: (stream: StreamRequest) => Promise<number | null>;
  readonly load?: (request: LoadRequest) => void | Promise<void>;
  readonly loadsAtOnce?: number;
  /** Whether loads may stage while their rows are read. */
  readonly stagesWhileReading?: boolean;
  /** In place of loads that only count. */
  readonly begin?: (request: LoadRequest, signal: AbortSignal) => Promise<Load>;
}

/** A connector whose system is the test itself. */
function memoryConnector(system: MemorySystem): Connector {
  const own = v.looseObject({ options: v.optional(v.unknown()) });
  const { partition, scan } = system;
  return {
    name: "memory",
    description: "A system that a test holds.",
    configSchema: v.strictObject({}),
    streamSchema: own,
    loadSchema: own,
    loadModes: ["replace", "append", "merge"],
    ...(system.loadsAtOnce === undefined ? {} : { loadsAtOnce: system.loadsAtOnce }),
    isScanned: () => scan !== undefined,
    stagesWhileReading: () => system.stagesWhileReading ?? false,
    secrets: () => [],
    access: () => ({ hosts: [], read: [], write: [] }),
    open: () =>
      Promise.resolve({
        source: {
          pushdown: { columns: false, where: false },
          describe: async (stream, signal) => {
            for await (const message of system.read({ streams: [stream] }, signal)) {
              if (message.type === "rows") return { schema: message.batch.schema };
            }
            throw new Error("no rows");
          },
          ...(partition === undefined
            ? {}
            : { partition: (stream: StreamRequest) => Promise.resolve(partition(stream)) }),
          ...(system.estimate === undefined ? {} : { estimateRows: system.estimate }),
          read: system.read,
          ...(scan === undefined ? {} : { scan: (request: StreamRequest) => Promise.resolve(scan(request)) }),
        },
        destination: {
          kind: "transactional",
          begin: (request, signal) =>
            system.begin?.(request, signal) ?? Promise.resolve(memoryLoad(system, request)),
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  };
}

/** A load that counts its rows and reports itself when it commits. */
function memoryLoad(system: MemorySystem, request: LoadRequest): Load {
  let count = 0;
  return {
    claim: () => Promise.resolve(undefined),
    async stage(input) {
      for await (const batch of input.batches()) count += batch.numRows;
    },
    apply: () => Promise.resolve(),
    async commit() {
      await system.load?.(request);
      const unknown = { inserted: null, updated: null, deleted: null, hash: null };
      return { rows: count, ...unknown, sizeBytes: 0, repeated: false };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

export interface Attempt {
  readonly reports: readonly Report[];
  readonly error: unknown;
  /** Each step as it was reported last. */
  readonly steps: ReadonlyMap<string, Step>;
}

/** Attempts of a pipeline in this process, on a warehouse file that stays between them. */
export class JobProject implements AsyncDisposable {
  readonly #folder: { readonly path: string } & AsyncDisposable;

  private constructor(folder: { readonly path: string } & AsyncDisposable) {
    this.#folder = folder;
  }

  static async create(): Promise<JobProject> {
    return new JobProject(await tempFolder());
  }

  async attempt(
    system: MemorySystem,
    definition: Readonly<Record<string, unknown>>,
    models: Readonly<Record<string, string>> = {},
    more: Partial<RunJob> = {},
    signal: AbortSignal = new AbortController().signal,
    onReport: (report: Report) => void = () => {},
  ): Promise<Attempt> {
    const reports: Report[] = [];
    const reporter = new Reporter("key", (bytes) => {
      const text = new TextDecoder().decode(bytes);
      const report: Report = JSON.parse(text.slice(text.indexOf("{")));
      reports.push(report);
      onReport(report);
    });
    const tempDir = join(this.#folder.path, "temp");
    await Deno.mkdir(tempDir, { recursive: true });
    const job: RunJob = {
      kind: "run",
      projectDir: this.#folder.path,
      tempDir,
      connectors: {
        it: { type: "memory", mask_salt: "pepper" },
        files: { type: "file" },
        sluice: { type: "sluice" },
        narrow: { type: "memory", max_connections: 1 },
      },
      duckdb: { directories: [this.#folder.path], files: [] },
      runId: "run1",
      attempt: 1,
      pipeline: "p",
      definition: v.parse(pipelineSchema, definition),
      files: Object.entries(models).map(([name, content]) => ({ path: `transforms/p/${name}.sql`, content })),
      params: {},
      select: null,
      fullRefresh: false,
      isWindowGiven: false,
      windowStartMs: null,
      windowEndMs: 0,
      warehousePath: this.#warehouse,
      ...more,
    };
    let error: unknown;
    try {
      const requests = {
        config: (name: string) => {
          const { type: _, ...config } = job.connectors[name] ?? { type: "none" };
          return Promise.resolve({ config, goodForMs: Infinity });
        },
        secret: (name: string) => Promise.reject(new Error(`there is no secret ${name}`)),
        wayOut: (host: string) => Promise.reject(new Error(`there is no way to ${host}`)),
        turn: () => Promise.resolve(),
        accessToken: () => Promise.reject(new Error("there is no token")),
        hold: () => Promise.resolve(),
        posted: () => Promise.resolve(undefined),
        memoryOf: () => Promise.resolve(null),
      };
      await runJob(job, { connectors: [memoryConnector(system), file, sluice], reporter, requests, signal });
    } catch (thrown) {
      error = thrown;
    }
    const steps = new Map(
      reports.flatMap((report) => report.type === "step" ? [[report.step.name, report.step]] : []),
    );
    return { reports, error, steps };
  }

  /** The project's folder. */
  get path(): string {
    return this.#folder.path;
  }

  /** Rows of a query on the warehouse. */
  async rows(sql: string): Promise<readonly SqlRow[]> {
    await using database = await openDatabase({ path: this.#warehouse, allowedDirectories: [this.path] });
    await using session = await database.session();
    return await session.rows(sql);
  }

  get #warehouse(): string {
    return join(this.#folder.path, "w.duckdb");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#folder[Symbol.asyncDispose]());
  }
}

/** The state of each step, by its name. */
export const statesOf = ({ steps }: Attempt): Record<string, string> =>
  Object.fromEntries([...steps].map(([name, step]) => [name, step.state]));
