import { join } from "node:path";
import { findMariadb, startMariadb } from "../support/mariadb.ts";
import { startPostgres } from "../support/postgres.ts";
import type { Group, Need } from "./groups.ts";
import { CRYPTO_MODULE, findCryptoModule, needsCryptoModule } from "./crypto_module.ts";
import { findPrometheus, needsPrometheus, PROMETHEUS } from "./prometheus.ts";
import { S3_URL, startS3 } from "./s3_server.ts";
import { SFTP_SERVER, startSftp } from "./sftp_server.ts";
import { findSchemathesis, needsSchemathesis, SCHEMATHESIS } from "./schemathesis.ts";
import { findSecondReaders, SECOND_READERS } from "./second_readers.ts";
import { findSingerTaps, needsTaps, SINGER_TAPS } from "./singer_taps.ts";
import { findTpcExtensions, needsTpcQueries, TPC_EXTENSIONS } from "./tpc_queries.ts";

const POSTGRES_URL = "SLUICE_TEST_POSTGRES_URL";
const MYSQL_URL = "SLUICE_TEST_MYSQL_URL";
const CHROMIUM = "SLUICE_TEST_CHROMIUM";
/** The programs alone: the package around them would start a service of the system. */
const MARIADB_PACKAGES = ["mariadb-server-core", "mariadb-client-core"] as const;

/** What the tests need from outside, going on until it is disposed of. */
export interface Servers extends AsyncDisposable {
  /** Where the tests find them. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Starts what the groups need. What is not there is installed where that can be done (root on Debian
 * or a system made from it); an address in SLUICE_TEST_POSTGRES_URL, SLUICE_TEST_MYSQL_URL or
 * SLUICE_TEST_S3_URL, or a browser's path in SLUICE_TEST_CHROMIUM, is used instead. `root` is the checkout's.
 */
export async function startServers(root: string, groups: readonly Group[]): Promise<Servers> {
  const needs = (what: Need) => groups.some((group) => group.needs.includes(what));
  const needsPostgres = needs("postgres") && !Deno.env.get(POSTGRES_URL);
  const needsMariadb = needs("mariadb") && !Deno.env.get(MYSQL_URL);
  const needsS3 = needs("s3") && !Deno.env.get(S3_URL);
  const needsSftp = needs("sftp") && !Deno.env.get(SFTP_SERVER);
  const needsBrowser = needs("browser");
  const missing: string[] = [];
  if (needsPostgres && await findPostgres() === undefined) missing.push("postgresql");
  if (needsMariadb && await findMariadb() === undefined) missing.push(...MARIADB_PACKAGES);
  if (needsBrowser && await findChromium() === undefined) missing.push("chromium");
  if (missing.length > 0) {
    await install(missing);
    if (missing.includes("postgresql") && await findPostgres() === undefined) throw cannotFind("postgresql");
    if (missing.includes(MARIADB_PACKAGES[0]) && await findMariadb() === undefined) {
      throw cannotFind(MARIADB_PACKAGES.join(" and "));
    }
    if (missing.includes("chromium") && await findChromium() === undefined) throw cannotFind("chromium");
  }
  const chromium = needsBrowser ? await findChromium() : undefined;
  const installNext = oneAtATime(install);
  // Most of it is the network's time.
  const [python, taps, prometheus, schemathesis, crypto, tpc] = [
    needs("second readers") ? findSecondReaders(root, installNext) : undefined,
    groups.some(({ files }) => needsTaps(files)) ? findSingerTaps(root, installNext) : undefined,
    groups.some(({ files }) => needsPrometheus(files))
      ? findPrometheus(root, () => installNext([]))
      : undefined,
    groups.some(({ files }) => needsSchemathesis(files)) ? findSchemathesis(root, installNext) : undefined,
    groups.some(({ files }) => needsCryptoModule(files)) ? findCryptoModule(root, installNext) : undefined,
    groups.some(({ files }) => needsTpcQueries(files)) ? findTpcExtensions(root, installNext) : undefined,
  ];
  const servers = [
    needsPostgres ? startPostgres() : undefined,
    needsMariadb ? startMariadb() : undefined,
    needsS3 ? startS3(root, installNext) : undefined,
    needsSftp ? startSftp(root, installNext) : undefined,
  ] as const;
  await using started = new AsyncDisposableStack();
  const use = async (server: Promise<AsyncDisposable> | undefined) => {
    const running = await server;
    if (running !== undefined) started.use(running);
  };
  // All of them have started or failed before those that started are stopped.
  const ends = await Promise.allSettled([
    ...servers.map(use),
    python,
    taps,
    prometheus,
    schemathesis,
    crypto,
    tpc,
  ]);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  const variables = {
    [SINGER_TAPS]: await taps,
    [CRYPTO_MODULE]: await crypto,
    [TPC_EXTENSIONS]: await tpc,
    [PROMETHEUS]: await prometheus,
    [SCHEMATHESIS]: await schemathesis,
    [CHROMIUM]: chromium,
    [SECOND_READERS]: await python,
    [POSTGRES_URL]: (await servers[0])?.url,
    [MYSQL_URL]: (await servers[1])?.url,
    [S3_URL]: (await servers[2])?.url,
    [SFTP_SERVER]: (await servers[3])?.description,
  };
  const kept = started.move();
  return {
    environment: Object.fromEntries(
      Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

type Install = (packages: readonly string[]) => Promise<void>;

/** Debian's packages have one lock. Without a package only the lists of them are brought. */
function oneAtATime(installPackages: Install): Install {
  let last = Promise.resolve();
  return (packages) => {
    const mine = last.then(() => installPackages(packages));
    last = mine.catch(() => {});
    return mine;
  };
}

async function findPostgres(): Promise<string | undefined> {
  const debian = "/usr/lib/postgresql";
  const versions: string[] = [];
  if (await isThere(debian)) {
    for await (const entry of Deno.readDir(debian)) versions.push(join(debian, entry.name, "bin", "initdb"));
  }
  return await firstThere([...onPath("initdb"), ...versions]);
}

async function findChromium(): Promise<string | undefined> {
  const given = Deno.env.get(CHROMIUM);
  return await firstThere(
    given ? [given] : ["chromium", "chromium-browser", "google-chrome"].flatMap(onPath),
  );
}

function onPath(name: string): string[] {
  return (Deno.env.get("PATH") ?? "").split(":").filter((folder) => folder !== "").map((folder) =>
    join(folder, name)
  );
}

async function firstThere(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await isThere(path)) return path;
  return undefined;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

async function install(packages: readonly string[]): Promise<void> {
  if (Deno.uid() !== 0 || !await isThere("/usr/bin/apt-get")) {
    throw new Error(
      `${
        packages.join(" and ") || "Debian's lists of packages"
      } must be there: install with "sudo apt-get install ${packages.join(" ")}" or as your ` +
        "system does it, or set SLUICE_TEST_POSTGRES_URL, SLUICE_TEST_MYSQL_URL and SLUICE_TEST_CHROMIUM",
    );
  }
  if (packages.length > 0) console.log(`Installing ${packages.join(" and ")}`);
  await aptGet(["update", "-q"]);
  if (packages.length > 0) {
    await aptGet(["install", "-q", "-y", "--no-install-recommends", ...packages]);
  }
}

async function aptGet(args: readonly string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command("apt-get", {
    args: [...args],
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
    stdout: "null",
  }).output();
  if (code !== 0) throw new Error(`apt-get ${args.join(" ")} failed:\n${new TextDecoder().decode(stderr)}`);
}

function cannotFind(name: string): Error {
  return new Error(`${name} was installed but its program was not found`);
}
