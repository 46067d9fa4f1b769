import { acquireMariadb, type MariadbServer } from "../../../support/mariadb.ts";
import { acquirePostgres, type PostgresServer } from "../../../support/postgres.ts";
import type { WorkerProject } from "../../../support/worker_process.ts";
import { openDatabase } from "../../../../engine/duckdb/database.ts";
import type { LoadKeys, SourceRow, TargetRow } from "../expectation.ts";
import { CuttingRelay } from "../../../support/cutting_relay.ts";

/** What the systems of the campaign have in common. */

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
  /** The stream follows changes: it has its mode, and its table just the source's rows. */
  readonly isFollowed?: boolean;
  /** Puts just these rows in the place of those that are there. */
  write(rows: readonly SourceRow[]): Promise<void>;
}

export interface DestinationKind {
  readonly modes: readonly LoadKeys["mode"][];
  start(servers: Servers, projectDir: string): Promise<Destination>;
}

export type SourceKind = (servers: Servers, projectDir: string, random: () => number) => Promise<Source>;

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

/** A server's address by way of a relay. Disposing of it ends both. */
export function behindRelay(server: AsyncDisposable & { readonly url: string }) {
  const { relay, url } = CuttingRelay.before(server.url);
  return {
    url,
    behind: {
      relay,
      async [Symbol.asyncDispose]() {
        await relay[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    },
  };
}

/** The columns of a source's table. */
export const COLUMNS_SQL = "id bigint, name varchar(200), part bigint, gone boolean, moved bigint";

export const textOf = (value: string | null): string => value === null ? "NULL" : `'${value}'`;

/** A row of VALUES. */
export const valuesOf = ({ id, name, part, gone, moved }: SourceRow): string =>
  `(${id}, ${textOf(name)}, ${part}, ${gone}, ${moved})`;

export const nothing = () => Promise.resolve();

export type Cells = readonly unknown[];

function targetRow([id, name, part, current = true]: Cells): TargetRow {
  return {
    id: Number(id),
    name: name === null || name === undefined ? null : String(name),
    part: Number(part),
    current: current === true || String(current) === "1" || String(current) === "true",
  };
}

export const selectOf = (table: string, isHistory: boolean): string =>
  `SELECT id, name, part${isHistory ? ", is_current" : ""} FROM ${table}`;

const NO_TABLE = /does not exist|doesn't exist|no such table|No files found|unable to open|No such file/i;

/** Where there is no table yet there are no rows. */
export async function readIf(read: () => Promise<readonly Cells[]>): Promise<TargetRow[]> {
  try {
    return (await read()).map(targetRow);
  } catch (error) {
    if (error instanceof Error && NO_TABLE.test(error.message)) return [];
    throw error;
  }
}

export async function duckRows(path: string, query: string): Promise<readonly Cells[]> {
  await using database = await openDatabase({ path, allowedDirectories: ["/"], threads: 1 });
  await using session = await database.session();
  return (await session.rows(query)).map((row) => Object.values(row));
}
