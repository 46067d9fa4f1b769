import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import * as v from "valibot";
import { mysql } from "../../connectors/mysql/connector.ts";
import { postgres } from "../../connectors/postgres/connector.ts";
import type { Connector } from "../../contract/connector/connector.ts";
import type { FollowedReport } from "../../contract/connector/followed.ts";
import type { Report } from "../../contract/jobs/reports.ts";
import type { RunJob } from "../../contract/jobs/run_job.ts";
import { pipelineSchema } from "../../contract/pipeline/pipeline.ts";
import type { Step } from "../../contract/run.ts";
import { quoteIdentifier, type SqlRow } from "../../contract/sql.ts";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { Reporter } from "../../engine/worker/reporter.ts";
import { runJob } from "../../engine/worker/run_job.ts";

export interface FollowedRun {
  readonly error: unknown;
  readonly steps: ReadonlyMap<string, Step>;
  /** As `level: message`. */
  readonly log: readonly string[];
  /** How far the connector's log was followed, report for report. */
  readonly followed: readonly FollowedReport[];
}

/** A pipeline of streams of one PostgreSQL, MySQL or MariaDB (by the URL), run in this process on a warehouse of its own. */
export class FollowedProject implements AsyncDisposable {
  readonly folder: string;
  #url: string;
  #runs = 0;

  private constructor(folder: string, url: string) {
    this.folder = folder;
    this.#url = url;
  }

  static async create(url: string): Promise<FollowedProject> {
    return new FollowedProject(await Deno.makeTempDir({ prefix: "sluice-followed-" }), url);
  }

  /** The connector's server is another one from now on. */
  moveTo(url: string): void {
    this.#url = url;
  }

  get warehouse(): string {
    return join(this.folder, "w.duckdb");
  }

  /** One attempt; streams are written as in a pipeline, without their connector. */
  async attempt(
    streams: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
    more: Partial<RunJob> & { readonly connector?: Readonly<Record<string, unknown>> } = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<FollowedRun> {
    const { connector = {}, ...job } = more;
    const extract = Object.fromEntries(
      Object.entries(streams).map(([name, stream]) => [name, { connector: "shop", ...stream }]),
    );
    const reports: Report[] = [];
    const reporter = new Reporter("key", (bytes) => {
      const text = new TextDecoder().decode(bytes);
      reports.push(JSON.parse(text.slice(text.indexOf("{"))));
    });
    const config = { url: this.#url, ssl: "disable", ...connector };
    const connectors: readonly Connector[] = [postgres, mysql];
    const type = this.#url.startsWith("mysql:") ? "mysql" : "postgres";
    let error: unknown;
    this.#runs += 1;
    try {
      await runJob({
        kind: "run",
        projectDir: this.folder,
        tempDir: join(this.folder, "temp"),
        connectors: { shop: { type, ...config } },
        duckdb: { directories: [this.folder], files: [] },
        runId: `run${this.#runs}`,
        attempt: 1,
        pipeline: "p",
        definition: v.parse(pipelineSchema, { extract }),
        files: [],
        params: {},
        select: null,
        fullRefresh: false,
        isWindowGiven: false,
        windowStartMs: null,
        windowEndMs: 0,
        warehousePath: this.warehouse,
        ...job,
      }, {
        connectors,
        reporter,
        requests: {
          config: () => Promise.resolve({ config, goodForMs: Infinity }),
          secret: (name) => Promise.reject(new Error(`there is no secret ${name}`)),
          wayOut: (host) => Promise.reject(new Error(`there is no way to ${host}`)),
          turn: () => Promise.resolve(),
          accessToken: () => Promise.reject(new Error("there is no token")),
          hold: () => Promise.resolve(),
          posted: () => Promise.resolve(undefined),
          memoryOf: () => Promise.resolve(null),
        },
        signal,
      });
    } catch (thrown) {
      error = thrown;
    }
    return {
      error,
      steps: new Map(
        reports.flatMap((report) => report.type === "step" ? [[report.step.name, report.step]] : []),
      ),
      followed: reports.flatMap((report) => report.type === "followed" ? [report.followed] : []),
      log: reports.flatMap((report) => report.type === "log" ? [`${report.level}: ${report.message}`] : []),
    };
  }

  /** An attempt that must not fail. */
  async run(...args: Parameters<FollowedProject["attempt"]>): Promise<FollowedRun> {
    const run = await this.attempt(...args);
    equal(run.error, undefined, `${run.error}\n${run.log.join("\n")}`);
    return run;
  }

  /** Rows of a query on the warehouse. */
  async rows(sql: string): Promise<readonly SqlRow[]> {
    await using database = await openDatabase({ path: this.warehouse, allowedDirectories: [] });
    await using session = await database.session();
    return await session.rows(sql);
  }

  /**
   * Reads the tables whole, into a warehouse of their own, and compares what is followed with that: columns,
   * types and rows.
   */
  async equalsSource(
    streams: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
    when = "",
  ): Promise<void> {
    await using whole = await FollowedProject.create(this.#url);
    const asFull = Object.entries(streams).map(([name, { history: _, ...stream }]) => [name, {
      ...stream,
      mode: "full",
    }]);
    await whole.run(Object.fromEntries(asFull));
    await using database = await openDatabase({
      path: ":memory:",
      allowedDirectories: [this.folder, whole.folder],
    });
    await using session = await database.session();
    await session.run(`ATTACH '${this.warehouse}' AS followed (READ_ONLY)`);
    await session.run(`ATTACH '${whole.warehouse}' AS whole (READ_ONLY)`);
    for (const name of Object.keys(streams)) {
      const columnsOf = (of: string) => session.describe(`SELECT * FROM ${of}.raw.${quoteIdentifier(name)}`);
      const [followed, expected] = [await columnsOf("followed"), await columnsOf("whole")];
      const byName = (a: { name: string }, b: { name: string }) => a.name < b.name ? -1 : 1;
      const known = followed.filter(({ name }) => expected.some((column) => column.name === name));
      deepEqual(known.toSorted(byName), expected.toSorted(byName), `${when}: columns of ${name}`);
      const list = expected.map((column) => quoteIdentifier(column.name)).join(", ");
      const rowsOf = (of: string) => `SELECT ${list} FROM ${of}.raw.${quoteIdentifier(name)}`;
      const differing = await session.rows(
        `SELECT * FROM (SELECT 'only followed' AS side, * FROM (${rowsOf("followed")} EXCEPT ALL ${
          rowsOf("whole")
        }) UNION ALL SELECT 'only at the source', * FROM (${rowsOf("whole")} EXCEPT ALL ${
          rowsOf("followed")
        })) LIMIT 5`,
      );
      const shown = differing.map((row) =>
        JSON.stringify(row, (_, value) => typeof value === "string" && value.length > 60 ? "…" : value)
      );
      equal(differing.length, 0, `${when}: rows of ${name}:\n${shown.join("\n")}`);
    }
  }

  /** Compares what this project's history of the streams says of the rows now with what `merged` holds; keys by stream. */
  async historyLeadsTo(
    merged: FollowedProject,
    keys: Readonly<Record<string, string>>,
    when: string,
  ): Promise<void> {
    for (const [name, key] of Object.entries(keys)) {
      const columns =
        "* EXCLUDE (_sluice_operation, _sluice_position, _sluice_committed_at, _sluice_sequence)";
      const current = `
        SELECT ${columns} FROM (
          SELECT * FROM raw.${name}
          WHERE _sluice_sequence > (
            SELECT coalesce(max(_sluice_sequence), 0) FROM raw.${name} WHERE _sluice_operation = 'truncate')
          QUALIFY row_number() OVER (PARTITION BY ${key} ORDER BY _sluice_sequence DESC) = 1
        ) WHERE _sluice_operation <> 'delete'`;
      const hash = (rows: string, list: string) =>
        `SELECT count(*) AS n, coalesce(bit_xor(hash(r::VARCHAR)), 0)::VARCHAR AS h
         FROM (SELECT ${list} FROM (${rows})) r`;
      const list = (await merged.rows(
        `SELECT column_name AS n FROM duckdb_columns() WHERE schema_name = 'raw' AND table_name = '${name}' ORDER BY 1`,
      )).map((row) => `"${row["n"]}"`).join(", ");
      const [ofHistory] = await this.rows(hash(current, list));
      const [ofMerged] = await merged.rows(hash(`SELECT * FROM raw.${name}`, list));
      equal(JSON.stringify(ofHistory), JSON.stringify(ofMerged), `${when}: history of ${name}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
