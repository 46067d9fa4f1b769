import { join } from "node:path";
import { systemClock } from "../../contract/clock.ts";
import { AppError, OLD_STORE } from "../../contract/errors.ts";
import type { Engine } from "../../engine/control/engine.ts";
import {
  type AnnouncedServer,
  type DataFolder,
  dataFolderExists,
  type Holder,
  openDataFolder,
  readHolder,
} from "../data_folder.ts";
import type { EngineOptions, OpenedEngine, ProjectPlace } from "../backend.ts";
import type { ApiClient } from "./client/api_client.ts";
import type { CliContext } from "./command.ts";
import { commandText } from "./command_text.ts";
import { createCommandLog } from "./command_log.ts";
import type { Secrets } from "../../engine/control/secrets/port.ts";
import type { AuditReader } from "../../engine/control/audit/reader.ts";
import type { People } from "../../engine/control/people/port.ts";

/**
 * Why a command wants the engine. `read` may look beside another command at work, `change` may
 * not, and `work` (a run in this process) waits for its turn.
 */
export type Use = "read" | "change" | "work";

export type Connection =
  & AsyncDisposable
  & {
    readonly engine: Engine;
    people(): Promise<People>;
    audit(): Promise<AuditReader>;
    secrets(): Promise<Secrets>;
  }
  & (
    | { readonly kind: "local"; readonly opened: OpenedEngine }
    | {
      readonly kind: "remote";
      readonly api: ApiClient;
      /** The same server, asked with another token. */
      readonly withToken: (token: string) => ApiClient;
    }
  );

export interface ConnectOptions {
  /** Ends the wait for the data folder. */
  readonly signal?: AbortSignal;
  /** The pipeline that is to run. */
  readonly next?: string | undefined;
  /** Whether the data folder is left to others: for what stays open for long and only looks. */
  readonly staysBeside?: boolean;
}

const POLL_MS = 50;
/** A server that holds the folder has announced itself long before. */
const SERVER_START_MS = 15_000;

/**
 * The engine of the data folder: the server's, over its API, where one holds the folder; else this
 * process's own, which then holds it. Throws `conflict` where another command holds it.
 */
export async function connect(
  folders: ProjectPlace,
  context: CliContext,
  command: string,
  use: Use,
  { signal, next, staysBeside = false }: ConnectOptions = {},
): Promise<Connection> {
  await requireProject(folders, context);
  if (staysBeside && await dataFolderExists(folders.dataDir)) {
    const holder = await readHolder(folders.dataDir);
    const remote = holder?.server === undefined ? undefined : await openRemote(holder.server);
    return remote ?? await openBeside(folders, context, "as a command").catch(async (error) => {
      if (!(error instanceof AppError) || error.reason !== OLD_STORE) throw error;
      // Where nobody is at work with it, nobody but us can be meant to bring it up to date.
      await using folder = await openDataFolder(folders.dataDir, command);
      if (folder === undefined) throw error;
      await (await openHere(folders, context, {}))[Symbol.asyncDispose]();
      return await openBeside(folders, context, "as a command");
    });
  }
  const startedMs = Date.now();
  for (let round = 0;; round++) {
    signal?.throwIfAborted();
    const folder = await openDataFolder(folders.dataDir, command);
    if (folder !== undefined) return await openLocal(folders, folder, context, next);
    const holder = await readHolder(folders.dataDir);
    const remote = holder?.server === undefined ? undefined : await openRemote(holder.server);
    if (remote !== undefined) return remote;
    if (use === "read" && holder !== undefined && holder.command !== "serve") {
      return await openBeside(folders, context);
    }
    if (use !== "work" && Date.now() - startedMs > (holder?.command === "serve" ? SERVER_START_MS : 1_000)) {
      throw heldError(folders.dataDir, holder);
    }
    if (use === "work" && round === 10) {
      context.terminal.note(`Waiting for ${describeHolder(holder)}, which is using ${folders.dataDir}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** `conflict`: somebody else holds the data folder. */
export function heldError(dataDir: string, holder: Holder | undefined): AppError {
  return new AppError(
    "conflict",
    `Cannot use the data folder ${dataDir}: ${
      describeHolder(holder)
    } is using it. Stop that, wait for it, or use another --data folder.`,
  );
}

function describeHolder(holder: Holder | undefined): string {
  if (holder === undefined) return "another sluice";
  const at = holder.server === undefined ? "" : ` at ${holder.server.url}`;
  return `sluice ${holder.command}${at} (pid ${holder.pid})`;
}

/** Throws `invalid` where the folder is no project: a data folder must not appear in a wrong place. */
export async function requireProject(
  { projectDir, dataDir }: Pick<ProjectPlace, "projectDir" | "dataDir">,
  context: Pick<CliContext, "program">,
): Promise<void> {
  for (const part of ["pipelines", "connectors.yaml"]) {
    if (await exists(join(projectDir, part))) return;
  }
  if (await dataFolderExists(dataDir)) return;
  throw new AppError(
    "invalid",
    `No project in ${projectDir}: expected pipelines/ or connectors.yaml there. ` +
      `Make one with ${commandText("init DIR", context)}, or say where it is with --project DIR.`,
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("invalid", `Cannot read the project: ${path}: ${reason}`, { cause: error });
  }
}

async function openLocal(
  folders: ProjectPlace,
  folder: DataFolder,
  context: CliContext,
  next: string | undefined,
): Promise<Connection> {
  try {
    const opened = await openHere(folders, context, next === undefined ? {} : { next });
    return {
      kind: "local",
      engine: opened.asCommand,
      people: () => peopleHere(opened, context),
      audit: () => auditHere(opened),
      secrets: () => opened.secrets(),
      opened,
      async [Symbol.asyncDispose]() {
        await tellOfRuns(opened);
        await opened[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

/** To look only: the store takes readers beside its writer. */
async function openBeside(
  folders: ProjectPlace,
  context: CliContext,
  how?: "as a command",
): Promise<Connection> {
  const opened = await openHere(folders, context, { leaveOldStore: true });
  return {
    kind: "local",
    engine: how === undefined ? opened.engine : opened.asCommand,
    people: () => peopleHere(opened, context),
    audit: () => auditHere(opened),
    secrets: () => opened.secrets(),
    opened,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

async function auditHere({ store, audit }: OpenedEngine): Promise<AuditReader> {
  const { createAuditReader } = await import("../../engine/control/audit/reader.ts");
  return createAuditReader({ store: store.audit, clock: systemClock }, audit);
}

/** What the next server will tell of is no failure of this command. */
async function tellOfRuns({ audit, store }: OpenedEngine): Promise<void> {
  const { finishRunLines } = await import("../../engine/control/audit/run_lines.ts");
  await finishRunLines(audit, store.outbox).catch(() => {});
}

async function peopleHere(
  { store, audit }: OpenedEngine,
  { env }: Pick<CliContext, "env">,
): Promise<People> {
  const { createPeople } = await import("../../engine/control/people/local_people.ts");
  const { createHasher } = await import("../../engine/control/people/passwords/hasher.ts");
  const { auditedPeople } = await import("../../engine/control/audit/audited_people.ts");
  const { localActor } = await import("../../contract/audit/actor.ts");
  // Mails are a server's to send: without one, links are printed.
  const publicUrl = env("SLUICE_PUBLIC_URL")?.replace(/\/+$/, "");
  const people = createPeople({ ...store, hasher: createHasher(), clock: systemClock, publicUrl });
  return auditedPeople(people, audit, localActor());
}

/** A queue that another command left behind goes on beside the run that was asked for. */
const COMMAND_MAX_RUNS = 4;

function openHere(
  folders: ProjectPlace,
  { backend, terminal }: CliContext,
  more: Pick<EngineOptions, "next" | "leaveOldStore">,
): Promise<OpenedEngine> {
  return backend.openEngine({
    ...folders,
    maxRuns: COMMAND_MAX_RUNS,
    log: createCommandLog(terminal),
    ...more,
  });
}

/** Undefined where nobody listens: the server has just gone. */
async function openRemote(server: AnnouncedServer): Promise<Connection | undefined> {
  // Loaded where there is a server: the start of a command that has none must not wait for it.
  const [{ createApiClient }, { RemoteEngine }] = await Promise.all([
    import("./client/api_client.ts"),
    import("./client/remote_engine.ts"),
  ]);
  const api = createApiClient(server);
  if (!await api.isReady()) return undefined;
  return {
    kind: "remote",
    engine: new RemoteEngine(api),
    people: async () => (await import("./client/remote_people.ts")).createRemotePeople(api),
    audit: async () => (await import("./client/remote_audit.ts")).createRemoteAudit(api),
    secrets: async () => (await import("./client/remote_secrets.ts")).createRemoteSecrets(api),
    api,
    withToken: (token) => createApiClient({ ...server, token }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
