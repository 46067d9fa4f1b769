import { join } from "node:path";
import postgres from "postgres";
import { quoteIdentifier } from "../../contract/sql.ts";
import { freePort } from "./free_port.ts";

/**
 * A real PostgreSQL for tests. With SLUICE_TEST_POSTGRES_URL (a user that may create databases) that
 * server is used; else a throw-away cluster is started from the machine's PostgreSQL. A test runner
 * starts one with `startPostgres()` and passes its `url` on in that variable, so that all test files
 * share it; each test has a database of its own.
 */
export interface PostgresServer extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** An empty database with a random name; disposing drops it. */
  /** In UTF8, unless another encoding is named. */
  createDatabase(encoding?: string): Promise<TestDatabase>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  /** A driver that is not the connector's own, to prepare and to look. */
  readonly sql: postgres.Sql;
}

const URL_VARIABLE = "SLUICE_TEST_POSTGRES_URL";
const BINARIES = "/usr/lib/postgresql";
const START_TIMEOUT_MS = 120_000;
const POLL_MS = 10;

/** The server of the environment, or one of its own that ends with the test file. */
export async function acquirePostgres(): Promise<PostgresServer> {
  const url = Deno.env.get(URL_VARIABLE);
  return url === undefined ? await startPostgres() : serverAt(url, () => Promise.resolve());
}

/** Starts a cluster in a temporary folder on a free loopback port; disposing stops it and removes the folder. */
export function startPostgres(): Promise<PostgresServer> {
  return startCluster(() => Promise.resolve({}));
}

export interface TlsServer extends PostgresServer {
  /** The PEM file of who vouches for the server. */
  readonly authority: string;
  /** The folder of its Unix socket, beside other files of the cluster. */
  readonly folder: string;
}

export interface TlsServerOptions {
  /** Lines of pg_hba.conf and pg_ident.conf in the place of the usual ones. */
  readonly hba?: readonly string[];
  readonly ident?: readonly string[];
  readonly settings?: Settings;
}

/** A server with TLS for `localhost`. Needs openssl. */
export async function startPostgresWithTls(options: TlsServerOptions = {}): Promise<TlsServer> {
  let authority = "";
  let folder = "";
  const server = await startCluster(async (clusterFolder) => {
    const { certificate, key } = await makeCertificate(clusterFolder, "localhost");
    authority = certificate;
    folder = clusterFolder;
    return {
      ssl: "on",
      ssl_cert_file: certificate,
      ssl_key_file: key,
      ...(await writeLines(folder, "hba_file", options.hba)),
      ...(await writeLines(folder, "ident_file", options.ident)),
      ...options.settings,
    };
  });
  return { ...server, authority, folder };
}

/** A file of the server's configuration, and the setting that names it. */
async function writeLines(folder: string, name: string, lines: readonly string[] | undefined) {
  if (lines === undefined) return {};
  const path = join(folder, name);
  await Deno.writeTextFile(path, `${lines.join("\n")}\n`);
  await giveToServer(path);
  return { [name]: path };
}

async function giveToServer(path: string): Promise<void> {
  const identity = await serverIdentity();
  if (identity !== undefined) await Deno.chown(path, identity.uid, identity.gid);
}

/** A hot standby that follows the server, which has to be one that this file started. */
export async function startStandby(primary: PostgresServer): Promise<PostgresServer> {
  const binaries = await findBinaries();
  const folder = await Deno.makeTempDir({ prefix: "sluice-standby-" });
  try {
    await giveToServer(folder);
    const backup = [join(binaries, "pg_basebackup"), `--pgdata=${join(folder, "data")}`];
    await runAsServerUser(folder, [
      ...backup,
      `--dbname=${primary.url}`,
      "--write-recovery-conf",
      "--wal-method=stream",
      "--checkpoint=fast",
      "--no-sync",
    ]);
    return await startIn(binaries, folder, primary.password, {});
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}

async function startIn(
  binaries: string,
  folder: string,
  password: string,
  settings: Settings,
): Promise<PostgresServer> {
  const { child, port } = await startServer(binaries, folder, settings);
  return serverAt(`postgres://sluice:${password}@127.0.0.1:${port}/postgres`, async () => {
    child.kill("SIGINT");
    await child.status;
    await Deno.remove(folder, { recursive: true });
  });
}

type Settings = Readonly<Record<string, string | number>>;

async function startCluster(prepare: (folder: string) => Promise<Settings>): Promise<PostgresServer> {
  const binaries = await findBinaries();
  const folder = await Deno.makeTempDir({ prefix: "sluice-postgres-" });
  const password = crypto.randomUUID();
  try {
    await initialise(binaries, folder, password);
    return await startIn(binaries, folder, password, await prepare(folder));
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}

function serverAt(url: string, stop: () => Promise<void>): PostgresServer {
  const { hostname, port, username, password } = new URL(url);
  return {
    url,
    host: hostname,
    port: Number(port || 5432),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    createDatabase: (encoding = "UTF8") => createDatabase(url, encoding),
    [Symbol.asyncDispose]: stop,
  };
}

async function createDatabase(serverUrl: string, encoding: string): Promise<TestDatabase> {
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  await runOnServer(
    serverUrl,
    `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ENCODING '${encoding}'` +
      (encoding === "UTF8" ? "" : " LC_COLLATE 'C' LC_CTYPE 'C'"),
  );
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const sql = connect(url.href);
  return {
    name,
    url: url.href,
    sql,
    [Symbol.asyncDispose]: async () => {
      await dropSlots(sql);
      await sql.end();
      await runOnServer(serverUrl, `DROP DATABASE ${quoteIdentifier(name)} WITH (FORCE)`);
    },
  };
}

/** The slots of the session's database, which it cannot be dropped with, once nobody uses them. */
async function dropSlots(sql: postgres.Sql): Promise<void> {
  // What used them last may have been killed a moment ago.
  while (true) {
    const used = await sql`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
      WHERE database = current_database() AND active`;
    if (used.length === 0) break;
  }
  await sql`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
    WHERE database = current_database()`;
}

async function runOnServer(url: string, statement: string): Promise<void> {
  const sql = connect(url);
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

function connect(url: string): postgres.Sql {
  return postgres(url, {
    max: 4,
    fetch_types: false,
    onnotice: () => {},
    max_lifetime: null,
    prepare: false,
  });
}

async function findBinaries(): Promise<string> {
  const versions: number[] = [];
  try {
    for await (const entry of Deno.readDir(BINARIES)) versions.push(Number(entry.name));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const newest = versions.filter(Number.isFinite).sort((a, b) => b - a)[0];
  const folders = [
    ...(newest === undefined ? [] : [join(BINARIES, String(newest), "bin")]),
    ...(Deno.env.get("PATH") ?? "").split(":"),
  ];
  for (const folder of folders) {
    if (await exists(join(folder, "initdb")) && await exists(join(folder, "postgres"))) return folder;
  }
  throw new Error(
    `These tests need PostgreSQL: install it (Debian and Ubuntu: apt-get install postgresql; macOS: brew install ` +
      `postgresql), or set ${URL_VARIABLE}=postgres://user:password@host:port/postgres to a server to use`,
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

async function initialise(binaries: string, folder: string, password: string): Promise<void> {
  const passwordFile = join(folder, "password");
  await Deno.writeTextFile(passwordFile, password);
  await giveToServer(folder);
  await giveToServer(passwordFile);
  await runAsServerUser(folder, [
    join(binaries, "initdb"),
    `--pgdata=${join(folder, "data")}`,
    "--username=sluice",
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
  ]);
}

async function runAsServerUser(cwd: string, whole: readonly string[]): Promise<void> {
  const [command, args] = asServerUser(await serverIdentity(), whole);
  const result = await new Deno.Command(command, { args, cwd, stdout: "null", stderr: "piped" }).output();
  if (!result.success) throw new Error(`${whole[0]} failed: ${new TextDecoder().decode(result.stderr)}`);
}

/** A self-signed certificate of that name, its key owned by who runs the server. */
export async function makeCertificate(
  folder: string,
  name: string,
): Promise<{ certificate: string; key: string }> {
  const certificate = join(folder, `${name}.crt`);
  const key = join(folder, `${name}.key`);
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
  const made = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-keyout",
    key,
    "-out",
    certificate,
  ];
  const result = await new Deno.Command("openssl", {
    args: ["req", "-x509", "-noenc", "-days", "30", ...subject, ...made],
    stderr: "piped",
  }).output();
  if (!result.success) throw new Error(`openssl failed: ${new TextDecoder().decode(result.stderr)}`);
  await Deno.chmod(key, 0o600);
  await giveToServer(key);
  return { certificate, key };
}

async function startServer(
  binaries: string,
  folder: string,
  more: Settings,
): Promise<{ child: Deno.ChildProcess; port: number }> {
  const log = join(folder, "log");
  const port = freePort();
  const settings: Settings = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: folder,
    fsync: "off",
    full_page_writes: "off",
    synchronous_commit: "off",
    max_connections: 200,
    // For tests that follow changes.
    wal_level: "logical",
    max_replication_slots: 40,
    max_wal_senders: 40,
    shared_buffers: "64MB",
    autovacuum: "off",
    logging_collector: "off",
    ...more,
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const [command, args] = asServerUser(await serverIdentity(), [
    "sh",
    "-c",
    'log=$1; shift; exec "$@" 2>"$log"',
    "sh",
    log,
    join(binaries, "postgres"),
    "-D",
    join(folder, "data"),
    ...options,
  ]);
  const child = new Deno.Command(command, {
    args,
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await waitUntilReady(child, log);
  return { child, port };
}

async function waitUntilReady(child: Deno.ChildProcess, log: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  let hasEnded = false;
  child.status.then(() => hasEnded = true);
  for (;;) {
    const text = await Deno.readTextFile(log).catch(() => "");
    if (/database system is ready to accept (?:read-only )?connections/.test(text)) return;
    if (hasEnded || performance.now() > deadline) {
      if (!hasEnded) child.kill("SIGKILL");
      await child.status;
      throw new Error(`PostgreSQL did not start: ${text}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** PostgreSQL refuses to run as root: then it runs as the user `postgres` that its package makes. */
async function serverIdentity(): Promise<{ uid: number; gid: number } | undefined> {
  if (Deno.uid() !== 0) return undefined;
  const lines = (await Deno.readTextFile("/etc/passwd")).split("\n");
  const [, , uid, gid] = lines.find((line) => line.startsWith("postgres:"))?.split(":") ?? [];
  if (uid === undefined || gid === undefined) {
    throw new Error("PostgreSQL refuses to run as root, and there is no user postgres to run it as");
  }
  return { uid: Number(uid), gid: Number(gid) };
}

/** The command as that user; it ends with this process, also where this process is killed. */
function asServerUser(
  identity: { uid: number; gid: number } | undefined,
  command: readonly string[],
): [string, string[]] {
  const [program = "", ...args] = command;
  if (Deno.build.os !== "linux") return [program, args];
  const as = identity === undefined
    ? []
    : [`--reuid=${identity.uid}`, `--regid=${identity.gid}`, "--clear-groups"];
  return ["setpriv", [...as, "--pdeathsig=INT", program, ...args]];
}
