import { type Client, createClient } from "@libsql/client/sqlite3";
import { drizzle } from "drizzle-orm/libsql/sqlite3";
import { AppError } from "../../contract/errors.ts";
import type { Sealer } from "../../contract/keys/sealer.ts";
import { MIGRATIONS } from "./migrations/list.ts";
import { createAuditStore } from "./audit/audit_store.ts";
import { createAccessStore, createPeopleStore } from "./people/create_people_store.ts";
import { createSsoStore } from "./people/sso_store.ts";
import { createPasswordStore } from "./people/password_store.ts";
import { createAttemptStore } from "./attempts.ts";
import { createBackfillStore } from "./backfills/backfill_store.ts";
import { type Database, isOutOfSpace, storeError, storing } from "./database.ts";
import { holdAccess } from "./people/held_access.ts";
import { createAlertStore } from "./alerts/create_alert_store.ts";
import { createEnvironmentStore } from "./environments/environment_store.ts";
import { createFactorStore } from "./factors/create_factor_store.ts";
import { createSignInStore } from "./factors/sign_in_store.ts";
import { createHoldStore } from "./holds/hold_store.ts";
import { createFigures } from "./history/figures.ts";
import { createRunHistory } from "./history/run_history.ts";
import { createDataKeyStore } from "./keys/data_key_store.ts";
import { createPlainEntries } from "./keys/plain_entries.ts";
import { NO_SEALER } from "./keys/sealed_entries.ts";
import { createSealedPlaces } from "./keys/sealed_places.ts";
import { createSecretRecords } from "./keys/secret_records.ts";
import { createWarehouseKeyStore } from "./keys/warehouse_key_store.ts";
import { createInbox } from "./inbox.ts";
import { createLogStore } from "./logs/log_store.ts";
import { migrate, type MigrateOptions, schemaVersion } from "./migrate.ts";
import { createOutbox } from "./outbox.ts";
import { createPipelineStore } from "./pipelines.ts";
import { createRetention } from "./retention.ts";
import { createRevisionStore } from "./revisions.ts";
import { createRunStore } from "./runs.ts";
import { createDependencyStore } from "./triggers/dependency_store.ts";
import { createSensorStore } from "./triggers/sensor_store.ts";
import { createVersionStore } from "./versions/version_store.ts";
import { SteadyClient, TRY_MS } from "./steady_client.ts";
import type { Store } from "./store.ts";

export interface StoreOptions {
  /** For a `libsql://` url. */
  readonly authToken?: string;
  /** How long a statement waits for another process's write. 5,000 by default. */
  readonly busyTimeoutMs?: number;
  /** Seals what connectors and notifiers say; without one neither they nor revisions with connectors can be kept. */
  readonly sealer?: Sealer;
  /** What becomes of a store that an older Sluice made. */
  readonly upgrade?: MigrateOptions;
}

/** The url of a store in a local file; `path` may hold any character. */
export function fileStoreUrl(path: string): string {
  return `file:${path.split("/").map(encodeURIComponent).join("/")}`;
}

/**
 * Opens the control store and brings its schema up to date. `url` is `file:…` (see fileStoreUrl) or
 * `libsql://…`, `https://…`. Throws `unavailable` where it cannot be reached or written, `invalid`
 * for a file that is no database, `conflict` for one that a newer Sluice made.
 */
export async function openStore(url: string, options: StoreOptions = {}): Promise<Store> {
  const database = await connect(url, options);
  const client = database.$client;
  try {
    if (isLocal(url)) await client.execute("pragma journal_mode = wal");
    await migrate(client, MIGRATIONS, options.upgrade);
  } catch (error) {
    client.close();
    throw openError(url, error);
  }
  const factors = createFactorStore(database);
  const { sealer = NO_SEALER } = options;
  const access = holdAccess(createAccessStore(database));
  return {
    pipelines: createPipelineStore(database, sealer),
    dependencies: createDependencyStore(database),
    sensors: createSensorStore(database),
    revisions: createRevisionStore(database, sealer),
    versions: createVersionStore(database),
    environments: createEnvironmentStore(database),
    runs: createRunStore(database),
    attempts: createAttemptStore(database),
    backfills: createBackfillStore(database),
    logs: createLogStore(database),
    outbox: createOutbox(database),
    inbox: createInbox(database),
    alerts: createAlertStore(database, sealer),
    figures: createFigures(database),
    history: createRunHistory(database),
    retention: createRetention(database),
    access,
    people: createPeopleStore(database),
    factors,
    signIns: createSignInStore(database),
    sso: createSsoStore(database),
    passwords: createPasswordStore(database),
    holds: createHoldStore(database),
    dataKeys: createDataKeyStore(database),
    audit: createAuditStore(database),
    secrets: createSecretRecords(database),
    sealedPlaces: [...createSealedPlaces(database), factors.sealed],
    plainEntries: createPlainEntries(database, { sealer, isFile: isLocal(url) }),
    warehouseKeys: createWarehouseKeyStore(database),
    copyTo: (path) => copyTo(url, client, path),
    async [Symbol.asyncDispose]() {
      if (!client.closed) await access[Symbol.asyncDispose]();
      await close(url, client);
    },
  };
}

async function connect(url: string, options: StoreOptions): Promise<Database> {
  const { authToken, busyTimeoutMs = 5_000 } = options;
  try {
    if (isLocal(url)) return drizzle(new SteadyClient({ open: () => openFile(url), busyTimeoutMs }));
    // Loaded only here: the network clients cost 20 ms of every start.
    const remote = await import("drizzle-orm/libsql");
    return remote.drizzle({ connection: authToken === undefined ? { url } : { url, authToken } });
  } catch (error) {
    throw openError(url, error);
  }
}

/**
 * One connection, which libsql opens with foreign_keys on and synchronous FULL: what was acknowledged has
 * reached the disk, for 0.4 ms more a commit. On a full disk the shared index of the write-ahead log
 * finds no room; a connection that keeps the file to itself holds its index in memory, and reads.
 */
async function openFile(url: string): Promise<Client> {
  try {
    return await openReadable(url, []);
  } catch (error) {
    if (!isOutOfSpace(error)) throw error;
    return await openReadable(url, ["pragma locking_mode = exclusive"]);
  }
}

async function openReadable(url: string, settings: readonly string[]): Promise<Client> {
  const client = createClient({ url, concurrency: 1, timeout: TRY_MS });
  try {
    for (const setting of settings) await client.execute(setting);
    await client.execute("select 1 from sqlite_master limit 1");
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

/** A reader of its own: who writes the store meanwhile is not held up, and is not in the copy. */
async function copyTo(url: string, client: Client, path: string): Promise<number> {
  if (!isLocal(url)) {
    throw new AppError(
      "invalid",
      `Cannot copy the control store at ${new URL(url).host}: it is no file; back it up by its own means`,
    );
  }
  const action = `copy "${decodeURIComponent(url.slice("file:".length))}" into a file`;
  const schema = await storing(action, schemaVersion(client));
  await storing(action, client.execute({ sql: "vacuum into ?", args: [path] }));
  return schema;
}

/**
 * Without the checkpoint a copy of the file alone would lack what is still in the -wal file. It takes
 * what it can get: a reader of another process must not hold up the end of this one.
 */
async function close(url: string, client: Client): Promise<void> {
  if (client.closed) return;
  if (isLocal(url)) {
    await client.executeMultiple("pragma busy_timeout = 0; pragma wal_checkpoint(truncate)").catch(() => {});
  }
  client.close();
}

function isLocal(url: string): boolean {
  return url.startsWith("file:");
}

function openError(url: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const place = isLocal(url) ? decodeURIComponent(url.slice("file:".length)) : new URL(url).host;
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes("SQLITE_NOTADB")) {
    return new AppError("invalid", `Cannot open the control store "${place}": it is not a SQLite database`, {
      cause: error,
    });
  }
  if (message.includes("ConnectionFailed") || !isLocal(url)) {
    const hint = isLocal(url)
      ? "the folder must exist and be writable"
      : "the server must be reachable and the token right";
    return new AppError("unavailable", `Cannot open the control store "${place}": ${hint}`, { cause: error });
  }
  return storeError(`open "${place}"`, error);
}
