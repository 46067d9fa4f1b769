import { DatabaseSync } from "node:sqlite";
import { startSqld } from "../../../support/sqld.ts";
import type { SourceRow } from "../expectation.ts";
import {
  behindRelay,
  COLUMNS_SQL,
  type DestinationKind,
  duckRows,
  nothing,
  readIf,
  selectOf,
  type SourceKind,
  valuesOf,
} from "./system.ts";

/** Databases. Another one is one more entry of a table here. */

const SQL_MODES = ["replace", "append", "merge", "delete_insert", "scd2"] as const;

export const DATABASES: Readonly<Record<string, DestinationKind>> = {
  postgres: {
    modes: SQL_MODES,
    async start(servers) {
      const database = await (await servers.postgres()).createDatabase();
      const { url, behind } = behindRelay(database);
      return {
        connector: { type: "postgres", url },
        target: { table: "made.t" },
        ...behind,
        rows: (isHistory) =>
          readIf(
            async () =>
              (await database.sql.unsafe(selectOf("made.t", isHistory))).map((row) => Object.values(row)),
          ),
      };
    },
  },
  mysql: {
    modes: SQL_MODES,
    async start(servers) {
      const database = await (await servers.mariadb()).createDatabase();
      const { url, behind } = behindRelay(database);
      return {
        connector: { type: "mysql", url },
        target: { table: "t" },
        ...behind,
        rows: (isHistory) =>
          readIf(
            async () => (await database.run(selectOf("t", isHistory))).map((row) => Object.values(row)),
          ),
      };
    },
  },
  libsql: {
    modes: SQL_MODES,
    async start() {
      const sqld = await startSqld();
      const { url, behind } = behindRelay(sqld);
      return {
        connector: { type: "libsql", url },
        target: { table: "t" },
        ...behind,
        rows: (isHistory) => readIf(async () => await sqld.query(selectOf("t", isHistory))),
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

/** Statements that give the table just these rows. */
const refill = (rows: readonly SourceRow[]): string[] => [
  "DELETE FROM src",
  ...rows.length === 0 ? [] : [`INSERT INTO src VALUES ${rows.map(valuesOf).join(", ")}`],
];

export const DATABASE_SOURCES: Readonly<Record<string, SourceKind>> = {
  postgres: async (servers) => {
    const database = await (await servers.postgres()).createDatabase();
    const { url, behind } = behindRelay(database);
    await database.sql.unsafe(`CREATE TABLE src (${COLUMNS_SQL})`);
    return {
      connector: { type: "postgres", url },
      stream: { stream: "public.src" },
      ...behind,
      async write(rows) {
        for (const statement of refill(rows)) await database.sql.unsafe(statement);
      },
    };
  },
  mysql: async (servers) => {
    const database = await (await servers.mariadb()).createDatabase();
    const { url, behind } = behindRelay(database);
    await database.run(`CREATE TABLE src (${COLUMNS_SQL})`);
    return {
      connector: { type: "mysql", url },
      stream: { stream: "src" },
      ...behind,
      async write(rows) {
        for (const statement of refill(rows)) await database.run(statement);
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
    await run([`CREATE TABLE src (${COLUMNS_SQL})`]);
    return {
      connector: { type: "sqlite", path: "in/src.db" },
      stream: { stream: "src" },
      write: (rows) => run(refill(rows)),
      [Symbol.asyncDispose]: nothing,
    };
  },
  libsql: async () => {
    const sqld = await startSqld();
    const { url, behind } = behindRelay(sqld);
    await sqld.query(`CREATE TABLE src (${COLUMNS_SQL})`);
    return {
      connector: { type: "libsql", url },
      stream: { stream: "src" },
      ...behind,
      async write(rows) {
        await sqld.query(...refill(rows));
      },
    };
  },
};
