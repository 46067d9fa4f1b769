import { DatabaseSync } from "node:sqlite";
import { startSqld } from "../../../support/sqld.ts";
import type { SourceRow } from "../expectation.ts";
import { CuttingRelay } from "../../../support/cutting_relay.ts";
import { type DestinationKind, duckRows, nothing, readIf, selectOf, type SourceKind } from "./system.ts";

/** Databases. Another one is one more entry of a table here. */

const SQL_MODES = ["replace", "append", "merge", "delete_insert", "scd2"] as const;

export const DATABASES: Readonly<Record<string, DestinationKind>> = {
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
        rows: (isHistory) => readIf(async () => await sqld.query(selectOf("t", isHistory))),
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
          }),
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
          readIf(() => duckRows(`${projectDir}/out/it.duckdb`, selectOf("made.t", isHistory))),
        [Symbol.asyncDispose]: nothing,
      }),
  },
};

const CREATE = "(id bigint, name varchar(200), part bigint, gone boolean, moved bigint)";
const valuesOf = (rows: readonly SourceRow[]): string =>
  rows.map(({ id, name, part, gone, moved }) =>
    `(${id}, ${name === null ? "NULL" : `'${name}'`}, ${part}, ${gone}, ${moved})`
  )
    .join(", ");

/** Statements that give the table just these rows. */
const refill = (rows: readonly SourceRow[]): string[] => [
  "DELETE FROM src",
  ...rows.length === 0 ? [] : [`INSERT INTO src VALUES ${valuesOf(rows)}`],
];

export const DATABASE_SOURCES: Readonly<Record<string, SourceKind>> = {
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
  libsql: async () => {
    const sqld = await startSqld();
    const { relay, url } = CuttingRelay.before(sqld.url);
    await sqld.query(`CREATE TABLE src ${CREATE}`);
    return {
      connector: { type: "libsql", url },
      stream: { stream: "src" },
      relay,
      async write(rows) {
        await sqld.query(...refill(rows));
      },
      async [Symbol.asyncDispose]() {
        await relay[Symbol.asyncDispose]();
        await sqld[Symbol.asyncDispose]();
      },
    };
  },
};
