import { DatabaseSync } from "node:sqlite";
import { acquireMariadb, type MariadbServer } from "../../support/mariadb.ts";
import { acquirePostgres, type PostgresServer } from "../../support/postgres.ts";
import { startSqld } from "../../support/sqld.ts";
import type { WorkerProject } from "../../support/worker_process.ts";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import type { LoadKeys, SourceRow, TargetRow } from "./expectation.ts";
import { CuttingRelay } from "./relay.ts";

/** The systems of the campaign. Another one is one more entry of a table here. */

export interface Destination extends AsyncDisposable {
  readonly connector: WorkerProject["connectors"][string];
  readonly target: Readonly<Record<string, unknown>>;
  /** Whether it lies in the project's folder, so that a full disk hits it. */
  readonly isLocal?: boolean;
  /** Between the process and a server. */
  readonly relay?: CuttingRelay;
  /** What a reader sees now. `columns` are those of the rows, and one that says whether each is current. */
  rows(isHistory: boolean): Promise<readonly TargetRow[]>;
}

export interface Source extends AsyncDisposable {
  readonly connector: WorkerProject["connectors"][string];
  readonly stream: Readonly<Record<string, unknown>>;
  readonly relay?: CuttingRelay;
  /** Puts just these rows in the place of those that are there. */
  write(rows: readonly SourceRow[]): Promise<void>;
}

export interface DestinationKind {
  readonly modes: readonly LoadKeys["mode"][];
  start(servers: Servers, projectDir: string): Promise<Destination>;
}

/** Servers that cases share; each is started when the first case wants it. */
export class Servers implements AsyncDisposable {
  #postgres: Promise<PostgresServer> | undefined;
  #mariadb: Promise<MariadbServer> | undefined;

  postgres(): Promise<PostgresServer> {
    return this.#postgres ??= acquirePostgres();
  }

  mariadb(): Promise<MariadbServer> {
    return this.#mariadb ??= acquireMariadb();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#mariadb)?.[Symbol.asyncDispose]();
    await (await this.#postgres)?.[Symbol.asyncDispose]();
  }
}

const SQL_MODES = ["replace", "append", "merge", "delete_insert", "scd2"] as const;
const nothing = () => Promise.resolve();

type Cells = readonly unknown[];

function targetRow([id, name, part, current = true]: Cells): TargetRow {
  return {
    id: Number(id),
    name: name === null || name === undefined ? null : String(name),
    part: Number(part),
    current: current === true || String(current) === "1" || String(current) === "true",
  };
}

const selectOf = (table: string, isHistory: boolean): string =>
  `SELECT id, name, part${isHistory ? ", is_current" : ""} FROM ${table}`;

/** Where there is no table yet there are no rows. */
async function readIf(read: () => Promise<readonly Cells[]>, missing: RegExp): Promise<TargetRow[]> {
  try {
    return (await read()).map(targetRow);
  } catch (error) {
    if (error instanceof Error && missing.test(error.message)) return [];
    throw error;
  }
}

async function duckRows(path: string, query: string): Promise<readonly Cells[]> {
  await using database = await openDatabase({ path, allowedDirectories: ["/"], threads: 1 });
  await using session = await database.session();
  return (await session.rows(query)).map((row) => Object.values(row));
}

const NO_TABLE = /does not exist|doesn't exist|no such table|No files found|unable to open|No such file/i;

export const DESTINATIONS: Readonly<Record<string, DestinationKind>> = {
  postgres: {
    modes: SQL_MODES,
    async start(servers) {
      const database = await (await servers.postgres()).createDatabase();
      const { relay, url } = CuttingRelay.before(database.url);
      return {
        connector: { type: "postgres", url },
        target: { table: "made.t" },
        relay,
        rows: (isHistory) =>
          readIf(
            async () =>
              (await database.sql.unsafe(selectOf("made.t", isHistory))).map((row) => Object.values(row)),
            NO_TABLE,
          ),
        async [Symbol.asyncDispose]() {
          await relay[Symbol.asyncDispose]();
          await database[Symbol.asyncDispose]();
        },
      };
    },
  },
  mysql: {
    modes: SQL_MODES,
    async start(servers) {
      const database = await (await servers.mariadb()).createDatabase();
      const { relay, url } = CuttingRelay.before(database.url);
      return {
        connector: { type: "mysql", url },
        target: { table: "t" },
        relay,
        rows: (isHistory) =>
          readIf(
            async () => (await database.run(selectOf("t", isHistory))).map((row) => Object.values(row)),
            NO_TABLE,
          ),
        async [Symbol.asyncDispose]() {
          await relay[Symbol.asyncDispose]();
          await database[Symbol.asyncDispose]();
        },
      };
    },
  },
  libsql: {
    modes: SQL_MODES,
    async start() {
      const sqld = await startSqld();
      const { relay, url } = CuttingRelay.before(sqld.url);
      return {
        connector: { type: "libsql", url },
        target: { table: "t" },
        relay,
        rows: (isHistory) => readIf(async () => await sqld.query(selectOf("t", isHistory)), NO_TABLE),
        async [Symbol.asyncDispose]() {
          await relay[Symbol.asyncDispose]();
          await sqld[Symbol.asyncDispose]();
        },
      };
    },
  },
  sqlite: {
    modes: SQL_MODES,
    start: (_servers, projectDir) =>
      Promise.resolve({
        connector: { type: "sqlite", path: "out/it.db" },
        target: { table: "t" },
        isLocal: true,
        rows: (isHistory) =>
          readIf(() => {
            using database = new DatabaseSync(`${projectDir}/out/it.db`);
            const found = database.prepare(selectOf("t", isHistory)).all();
            return Promise.resolve(found.map((row) => Object.values(row)));
          }, NO_TABLE),
        [Symbol.asyncDispose]: nothing,
      }),
  },
  duckdb: {
    modes: SQL_MODES,
    start: (_servers, projectDir) =>
      Promise.resolve({
        connector: { type: "duckdb", path: "out/it.duckdb" },
        target: { table: "made.t" },
        isLocal: true,
        rows: (isHistory) =>
          readIf(() => duckRows(`${projectDir}/out/it.duckdb`, selectOf("made.t", isHistory)), NO_TABLE),
        [Symbol.asyncDispose]: nothing,
      }),
  },
  "a folder of Parquet": {
    modes: ["replace", "append", "merge", "delete_insert"],
    start: (_servers, projectDir) =>
      Promise.resolve({
        connector: { type: "file" },
        target: { path: "out/t/" },
        isLocal: true,
        rows: () => {
          const files = `read_parquet('${projectDir}/out/t/**/*.parquet', hive_partitioning = true)`;
          return readIf(() => duckRows(":memory:", selectOf(files, false)), NO_TABLE);
        },
        [Symbol.asyncDispose]: nothing,
      }),
  },
  "a CSV file": {
    modes: ["replace", "merge"],
    start: (_servers, projectDir) =>
      Promise.resolve({
        connector: { type: "file" },
        target: { path: "out/t.csv" },
        isLocal: true,
        rows: () =>
          readIf(
            () =>
              duckRows(
                ":memory:",
                `SELECT id, name, part FROM read_csv('${projectDir}/out/t.csv', header = true, all_varchar = true)`,
              ),
            NO_TABLE,
          ),
        [Symbol.asyncDispose]: nothing,
      }),
  },
};

const CREATE = "(id bigint, name varchar(200), part bigint, gone boolean)";
const valuesOf = (rows: readonly SourceRow[]): string =>
  rows.map(({ id, name, part, gone }) => `(${id}, ${name === null ? "NULL" : `'${name}'`}, ${part}, ${gone})`)
    .join(", ");

/** Statements that give the table just these rows. */
const refill = (rows: readonly SourceRow[]): string[] => [
  "DELETE FROM src",
  ...rows.length === 0 ? [] : [`INSERT INTO src VALUES ${valuesOf(rows)}`],
];

export const SOURCES: Readonly<Record<string, (servers: Servers, projectDir: string) => Promise<Source>>> = {
  postgres: async (servers) => {
    const database = await (await servers.postgres()).createDatabase();
    const { relay, url } = CuttingRelay.before(database.url);
    await database.sql.unsafe(`CREATE TABLE src ${CREATE}`);
    return {
      connector: { type: "postgres", url },
      stream: { stream: "public.src" },
      relay,
      async write(rows) {
        for (const statement of refill(rows)) await database.sql.unsafe(statement);
      },
      async [Symbol.asyncDispose]() {
        await relay[Symbol.asyncDispose]();
        await database[Symbol.asyncDispose]();
      },
    };
  },
  mysql: async (servers) => {
    const database = await (await servers.mariadb()).createDatabase();
    const { relay, url } = CuttingRelay.before(database.url);
    await database.run(`CREATE TABLE src ${CREATE}`);
    return {
      connector: { type: "mysql", url },
      stream: { stream: "src" },
      relay,
      async write(rows) {
        for (const statement of refill(rows)) await database.run(statement);
      },
      async [Symbol.asyncDispose]() {
        await relay[Symbol.asyncDispose]();
        await database[Symbol.asyncDispose]();
      },
    };
  },
  sqlite: async (_servers, projectDir) => {
    await Deno.mkdir(`${projectDir}/in`, { recursive: true });
    const run = (statements: readonly string[]) => {
      using database = new DatabaseSync(`${projectDir}/in/src.db`);
      for (const statement of statements) database.exec(statement);
      return Promise.resolve();
    };
    await run([`CREATE TABLE src ${CREATE}`]);
    return {
      connector: { type: "sqlite", path: "in/src.db" },
      stream: { stream: "src" },
      write: (rows) => run(refill(rows)),
      [Symbol.asyncDispose]: nothing,
    };
  },
  csv: async (_servers, projectDir) => {
    await Deno.mkdir(`${projectDir}/in`, { recursive: true });
    return {
      connector: { type: "file" },
      stream: {
        path: "in/src.csv",
        options: { columns: { id: "BIGINT", name: "VARCHAR", part: "BIGINT", gone: "BOOLEAN" } },
      },
      write: (rows) =>
        Deno.writeTextFile(
          `${projectDir}/in/src.csv`,
          [
            "id,name,part,gone",
            ...rows.map(({ id, name, part, gone }) => [id, name ?? "", part, gone].join(",")),
          ].join("\n") + "\n",
        ),
      [Symbol.asyncDispose]: nothing,
    };
  },
};
