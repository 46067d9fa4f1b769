import { dirname, join } from "node:path";
import { FileServer } from "../support/file_server.ts";
import { acquireMariadb } from "../support/mariadb.ts";
import { acquirePostgres } from "../support/postgres.ts";
import { S3Bucket } from "../support/s3_bucket.ts";
import { SftpFolder } from "../support/sftp_folder.ts";
import { startSqld } from "../support/sqld.ts";

/** The systems of one round besides the disk, all of them empty, and of the round alone. */
export interface RoundSystems extends AsyncDisposable {
  /** Entries of connectors.yaml by what the oracle calls them. */
  readonly connectors: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Brings the files that are at `project/at/<place>` to their place. */
  bringSources(project: string): Promise<void>;
  /** Brings what was loaded there to `project/at/<place>/out`. */
  fetchTargets(project: string): Promise<void>;
}

/** Servers that rounds share. */
export class DifferentialServers implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #postgres: Awaited<ReturnType<typeof acquirePostgres>>;
  readonly #mariadb: Awaited<ReturnType<typeof acquireMariadb>>;

  private constructor(
    stack: AsyncDisposableStack,
    postgres: Awaited<ReturnType<typeof acquirePostgres>>,
    mariadb: Awaited<ReturnType<typeof acquireMariadb>>,
  ) {
    this.#stack = stack;
    this.#postgres = postgres;
    this.#mariadb = mariadb;
  }

  static async acquire(): Promise<DifferentialServers> {
    await using stack = new AsyncDisposableStack();
    const postgres = stack.use(await acquirePostgres());
    const mariadb = stack.use(await acquireMariadb());
    return new DifferentialServers(stack.move(), postgres, mariadb);
  }

  async systems(): Promise<RoundSystems> {
    await using stack = new AsyncDisposableStack();
    const postgres = stack.use(await this.#postgres.createDatabase());
    const mysql = stack.use(await this.#mariadb.createDatabase());
    const libsql = stack.use(await startSqld());
    const bucket = stack.use(await S3Bucket.create());
    const folder = stack.use(await SftpFolder.create());
    const web = stack.use(await FileServer.start());
    const kept = stack.move();
    return {
      connectors: {
        postgres: { type: "postgres", url: postgres.url },
        mysql: { type: "mysql", url: mysql.url },
        libsql: { type: "libsql", url: libsql.url },
        s3: { type: "s3", ...bucket.config() },
        sftp: { type: "sftp", ...folder.config() },
        http: { type: "http", base_url: web.url },
      },
      async bringSources(project) {
        for await (const [name, bytes] of filesOf(`${project}/at/s3/data`)) {
          await bucket.put(`data/${name}`, bytes);
        }
        await Deno.mkdir(`${folder.path}/data`, { recursive: true });
        for await (const [name, bytes] of filesOf(`${project}/at/sftp/data`)) {
          await Deno.writeFile(`${folder.path}/data/${name}`, bytes);
        }
        for await (const [name, bytes] of filesOf(`${project}/at/http/data`)) {
          web.files.set(`/data/${name}`, { bytes });
        }
      },
      async fetchTargets(project) {
        for (const key of await bucket.keys("out/")) {
          await write(join(project, "at/s3", key), await bucket.bytes(key));
        }
        for await (const [name, bytes] of filesOf(`${folder.path}/out`)) {
          await write(join(project, "at/sftp/out", name), bytes);
        }
      },
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** Of a folder that need not be there, without those in folders of it. */
async function* filesOf(folder: string): AsyncIterable<[string, Uint8Array]> {
  try {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (isFile) yield [name, await Deno.readFile(`${folder}/${name}`)];
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeFile(path, bytes);
}
