import { join } from "node:path";
import { createPool, type Pool, type RowDataPacket } from "mysql2/promise";
import { freePort } from "./free_port.ts";

/**
 * A real MariaDB for tests. With SLUICE_TEST_MYSQL_URL (a user that may do everything) that server is
 * used; else a throw-away one is started from the machine's MariaDB. A test runner starts one with
 * `startMariadb()` and passes its `url` on in that variable, so that all test files share it; each test
 * has a database of its own.
 */
export interface MariadbServer extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** An empty database with a random name; disposing drops it. */
  createDatabase(): Promise<MariadbDatabase>;
  /** A database that is or will be there; disposing leaves it as it is. */
  openDatabase(name: string): MariadbDatabase;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A server that this process started. */
export interface OwnMariadbServer extends MariadbServer {
  /** The path of its Unix socket. */
  readonly socket: string;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again on the same port, after it was killed. */
  restart(): Promise<void>;
}

export interface MariadbDatabase extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  /** The connections that prepare and look; not the connector's own. */
  readonly pool: Pool;
  /** Statements with semicolons between; rows of the last one, with big numbers and times as text. */
  run(sql: string, values?: readonly unknown[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export interface MariadbOptions {
  /** Settings of the server, as `{ "max_allowed_packet": "1G" }`. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Makes files in the server's folder before it starts; returns more settings. */
  prepare?(folder: string): Promise<Readonly<Record<string, string | number>>>;
}

const URL_VARIABLE = "SLUICE_TEST_MYSQL_URL";
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 10;
/** Of the user `nobody`, which every Linux has: MariaDB's own is made by a package that is not needed. */
const NOBODY = 65_534;

/** The server of the environment, or one of its own that ends with the test file. */
export async function acquireMariadb(): Promise<MariadbServer> {
  const url = Deno.env.get(URL_VARIABLE);
  return url === undefined ? await startMariadb() : serverAt(url, () => Promise.resolve());
}

/** The two programs that a server is made with; undefined where they are not on this machine. */
export async function findMariadb(): Promise<{ server: string; install: string } | undefined> {
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin", "/usr/local/sbin"];
  const find = async (name: string) => {
    for (const folder of folders.filter((each) => each !== "")) {
      const path = join(folder, name);
      if (await Deno.stat(path).then(() => true, () => false)) return path;
    }
    return undefined;
  };
  // The second one needs the third.
  const [server, install, defaults] = await Promise.all(
    ["mariadbd", "mariadb-install-db", "my_print_defaults"].map(find),
  );
  return server === undefined || install === undefined || defaults === undefined
    ? undefined
    : { server, install };
}

/** Starts a server in a temporary folder on a free loopback port; disposing stops it and removes the folder. */
export async function startMariadb(options: MariadbOptions = {}): Promise<OwnMariadbServer> {
  const programs = await findMariadb();
  if (programs === undefined) {
    throw new Error(
      `These tests need MariaDB: install it (Debian and Ubuntu: apt-get install mariadb-server-core mariadb-client-core), or set ` +
        `${URL_VARIABLE}=mysql://user:password@host:port/mysql to a server to use`,
    );
  }
  const folder = await Deno.makeTempDir({ prefix: "sluice-mariadb-" });
  try {
    await giveToServer(folder);
    const data = join(folder, "data");
    await runAsServerUser(folder, [
      programs.install,
      "--no-defaults",
      `--datadir=${data}`,
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
      "--skip-name-resolve",
    ]);
    const password = crypto.randomUUID();
    const initFile = join(folder, "init.sql");
    await Deno.writeTextFile(
      initFile,
      // Each server has its own, which are not to reach its replicas.
      "SET sql_log_bin = 0;\n" +
        ["%", "localhost"].map((host) =>
          `CREATE USER IF NOT EXISTS 'sluice'@'${host}' IDENTIFIED BY '${password}';\n` +
          `GRANT ALL ON *.* TO 'sluice'@'${host}' WITH GRANT OPTION;\n`
        ).join(""),
    );
    await giveToServer(initFile);
    const port = freePort();
    const settings = {
      datadir: data,
      port,
      socket: join(folder, "socket"),
      "bind-address": "127.0.0.1",
      "pid-file": join(folder, "pid"),
      "init-file": initFile,
      tmpdir: folder,
      "skip-name-resolve": 1,
      "local-infile": 1,
      // Written at each commit, so that it outlives a kill of the server.
      "innodb-flush-log-at-trx-commit": 2,
      "innodb-buffer-pool-size": "128M",
      "innodb-log-file-size": "64M",
      "max-allowed-packet": "128M",
      "max-connections": 200,
      "character-set-server": "utf8mb4",
      // For who follows its changes; nothing waits for the log's way to the disk.
      "server-id": 1 + Math.floor(Math.random() * 2 ** 31),
      "log-bin": "binlog",
      "binlog-format": "ROW",
      "sync-binlog": 0,
      "log-bin-trust-function-creators": 1,
      ...options.settings,
      ...(await options.prepare?.(folder) ?? {}),
    };
    return await ownServer(programs.server, folder, settings, password);
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}

type Settings = Readonly<Record<string, string | number>> & {
  readonly port: number;
  readonly socket: string;
};

async function ownServer(
  program: string,
  folder: string,
  settings: Settings,
  password: string,
): Promise<OwnMariadbServer> {
  let child = await startServer(program, folder, settings);
  const end = async (signal: Deno.Signal) => {
    child.kill(signal);
    await child.status;
  };
  let isRunning = true;
  const url = `mysql://sluice:${password}@127.0.0.1:${settings.port}/mysql`;
  return {
    ...serverAt(url, async () => {
      if (isRunning) await end("SIGTERM");
      await Deno.remove(folder, { recursive: true });
    }),
    socket: settings.socket,
    kill: async () => {
      isRunning = false;
      await end("SIGKILL");
    },
    restart: async () => {
      child = await startServer(program, folder, settings);
      isRunning = true;
    },
  };
}

function serverAt(url: string, stop: () => Promise<void>): MariadbServer {
  const { hostname, port, username, password } = new URL(url);
  return {
    url,
    host: hostname,
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    createDatabase: () => createDatabase(url),
    openDatabase: (name) => openDatabase(url, name),
    [Symbol.asyncDispose]: stop,
  };
}

async function createDatabase(serverUrl: string): Promise<MariadbDatabase> {
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  await runOnServer(serverUrl, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  const database = openDatabase(serverUrl, name);
  return {
    ...database,
    [Symbol.asyncDispose]: async () => {
      await database[Symbol.asyncDispose]();
      await runOnServer(serverUrl, `DROP DATABASE ${name}`);
    },
  };
}

function openDatabase(serverUrl: string, name: string): MariadbDatabase {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const pool = connect(url.href);
  return {
    name,
    url: url.href,
    pool,
    run: async (sql, values = []) => await runIn(pool, sql, values),
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

async function runIn(pool: Pool, sql: string, values: readonly unknown[]) {
  const [result] = await pool.query<RowDataPacket[] | RowDataPacket[][]>(sql, [...values]);
  const results: readonly unknown[] = Array.isArray(result) ? result : [];
  const last = results.at(-1);
  return (Array.isArray(last) ? last : results).filter(isRow);
}

/** What a statement without rows gives is not one. */
const isRow = (row: unknown): row is Readonly<Record<string, unknown>> =>
  typeof row === "object" && row !== null && row.constructor.name !== "ResultSetHeader";

async function runOnServer(url: string, statement: string): Promise<void> {
  const pool = connect(url);
  try {
    await pool.query(statement);
  } finally {
    await pool.end();
  }
}

function connect(url: string): Pool {
  return createPool({
    uri: url,
    connectionLimit: 4,
    multipleStatements: true,
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    timezone: "Z",
  });
}

async function startServer(program: string, folder: string, settings: Settings): Promise<Deno.ChildProcess> {
  const log = join(folder, "log.err");
  await Deno.writeTextFile(log, "");
  await giveToServer(log);
  const options = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  const [command, args] = asServerUser([program, "--no-defaults", `--log-error=${log}`, ...options]);
  const child = new Deno.Command(command, {
    args,
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  })
    .spawn();
  await waitUntilReady(child, log);
  return child;
}

async function waitUntilReady(child: Deno.ChildProcess, log: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  let hasEnded = false;
  child.status.then(() => hasEnded = true);
  for (;;) {
    const text = await Deno.readTextFile(log);
    if (/ready for connections/.test(text)) return;
    if (hasEnded || performance.now() > deadline) {
      if (!hasEnded) child.kill("SIGKILL");
      await child.status;
      throw new Error(`MariaDB did not start: ${text}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export async function giveToServer(path: string): Promise<void> {
  if (Deno.uid() === 0) await Deno.chown(path, NOBODY, NOBODY);
}

async function runAsServerUser(cwd: string, whole: readonly string[]): Promise<void> {
  const [command, args] = asServerUser(whole);
  // Two at a time must not meet in a folder for temporary tables.
  const env = { TMPDIR: cwd };
  const result = await new Deno.Command(command, { args, cwd, env, stdout: "piped", stderr: "piped" })
    .output();
  if (result.success) return;
  const decoder = new TextDecoder();
  throw new Error(`${whole[0]} failed: ${decoder.decode(result.stdout)}${decoder.decode(result.stderr)}`);
}

/** The command as a user that is not root; it ends with this process, also where this process is killed. */
function asServerUser(command: readonly string[]): [string, string[]] {
  const [program = "", ...args] = command;
  if (Deno.build.os !== "linux") return [program, args];
  const as = Deno.uid() === 0 ? [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] : [];
  return ["setpriv", [...as, "--pdeathsig=TERM", program, ...args]];
}
