import { join } from "node:path";
import { freeBytes } from "../../../connectors/locations/free_space.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import type { WarehouseKeyStore } from "../../../contract/keys/warehouse_key.ts";
import { formatBytes } from "../../../text/format.ts";
import { Redactor } from "../../grants/redact.ts";
import { followReports } from "../attempt/follow_reports.ts";
import { withJobProcess } from "../attempt/job_process.ts";
import type { RunProcessProgram } from "../attempt/spawn.ts";
import { placeOf, type RowCover } from "../streams/row_cover.ts";
import { FileReplacer } from "../streams/file_replacer.ts";
import { unpinPlain } from "../../snapshots/pinned_snapshots.ts";
import { pipelineSnapshots, removePlainSnapshots } from "../../snapshots/snapshot_files.ts";
import { keepNewest } from "./kept_inputs.ts";
import { warehousePath, warehouseState } from "./warehouse_file.ts";
import type { WarehouseKeys } from "./warehouse_keys.ts";

export interface ConvertContext {
  readonly dataDir: string;
  readonly projectDir: string;
  readonly runProcess: RunProcessProgram;
  readonly warehouseKeys: WarehouseKeys;
  readonly store: WarehouseKeyStore;
  readonly cover: RowCover;
  readonly log: Log;
  /** Where the process is to die, for tests of crashes: see engine/worker/points.ts. */
  readonly dieAt?: string;
}

export interface WarehouseChange {
  readonly pipeline: string;
  readonly action: "encrypt" | "decrypt";
  /** Of what was compared; null where the file was that way already. */
  readonly compared: { readonly tables: number; readonly rows: number } | null;
  readonly bytes: number;
}

/** The folders that have something of the rows of a pipeline, beside its warehouse. */
export const BESIDE = [
  "previews",
  "rejects",
  "failed_rows",
  "schemas",
  "followed",
  "streams",
  "verifications",
] as const;

/** A copy needs some more than the file: encrypted blocks are a little larger. */
const ROOM = 1.1;
const RESERVE_BYTES = 64 * 1024 * 1024;

/**
 * Encrypts a warehouse or makes it plain, with what is kept of its rows beside it; no run of the pipeline may be under
 * way. One that was killed in the middle is simply done again. Throws `not_found` where there is no warehouse,
 * `unavailable` where it is in use or the disk has no room for a copy.
 */
export async function convertWarehouse(
  context: ConvertContext,
  pipeline: string,
  action: "encrypt" | "decrypt",
  signal: AbortSignal,
): Promise<WarehouseChange> {
  const path = warehousePath(context.dataDir, pipeline);
  const state = await warehouseState(path);
  if (state === "none") {
    throw new AppError("not_found", `Cannot ${action} the warehouse of "${pipeline}": it has none yet`);
  }
  const isDone = state === (action === "encrypt" ? "encrypted" : "plain");
  const compared = isDone ? null : await convert(context, pipeline, action, path, signal);
  await coverAnew(context, pipeline);
  // They are as the warehouse was.
  await keepNewest(context.dataDir, pipeline, 0);
  if (action === "encrypt") {
    await removePlainSnapshots(pipelineSnapshots(context.dataDir, pipeline));
    await unpinPlain(context.dataDir, pipeline);
  }
  // Last: until then something may be covered by it.
  if (action === "decrypt") await context.store.remove(pipeline);
  return { pipeline, action, compared, bytes: (await Deno.stat(path)).size };
}

async function convert(
  context: ConvertContext,
  pipeline: string,
  action: "encrypt" | "decrypt",
  path: string,
  signal: AbortSignal,
): Promise<{ tables: number; rows: number }> {
  const { projectDir, runProcess, warehouseKeys, log, dieAt } = context;
  const subject = `Cannot ${action} the warehouse of "${pipeline}"`;
  const convertKey = action === "encrypt"
    ? await warehouseKeys.create(pipeline)
    : await warehouseKeys.open(pipeline);
  if (convertKey === undefined) throw new AppError("internal", `${subject}: it has no key`);
  const copyPath = `${path}.converting`;
  await removeLeftBehind(copyPath);
  await requireRoom(subject, path);
  const job = {
    kind: "convert",
    action,
    warehousePath: path,
    copyPath,
    convertKey,
    projectDir,
    connectors: {},
    duckdb: { directories: [], files: [] },
    ...(dieAt === undefined ? {} : { dieAt }),
  } as const;
  const folder = join(path, "..");
  const permissions = { hosts: [], read: [folder], write: [folder], deny: [] };
  const { redact } = new Redactor([convertKey.key]);
  try {
    return await withJobProcess(runProcess, { job, permissions }, async (process, stderr) => {
      let converted: { tables: number; rows: number } | undefined;
      await followReports(process, {
        redact,
        subject,
        log: (level, message) => log(level, message, { pipeline }),
        onReport: (report) => {
          if (report.type === "converted") converted = { tables: report.tables, rows: report.rows };
        },
      }, signal);
      if (converted !== undefined) return converted;
      throw new AppError("internal", `${subject}: the process that did it ended early; do it again`, {
        detail: redact(stderr.text),
      });
    });
  } finally {
    await removeLeftBehind(copyPath);
  }
}

async function removeLeftBehind(copyPath: string): Promise<void> {
  for (const path of [copyPath, `${copyPath}.wal`]) {
    await Deno.remove(path).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

async function requireRoom(subject: string, path: string): Promise<void> {
  const { size } = await Deno.stat(path);
  const needed = Math.ceil(size * ROOM) + RESERVE_BYTES;
  const free = await freeBytes(join(path, ".."));
  if (free === undefined || free >= needed) return;
  throw new AppError(
    "unavailable",
    `${subject}: a copy of it needs ${formatBytes(needed)}, and its disk has ${
      formatBytes(free)
    } left: free some space`,
  );
}

/** What is kept beside the warehouse is covered where it is encrypted, and plain where it is plain. */
async function coverAnew({ dataDir, cover }: ConvertContext, pipeline: string): Promise<void> {
  const files = new FileReplacer();
  for (const folder of BESIDE) {
    for (const name of await namesIn(join(dataDir, folder, pipeline))) {
      const path = join(dataDir, folder, pipeline, name);
      if (!name.endsWith(".json")) {
        await Deno.remove(path);
        continue;
      }
      const place = placeOf(folder, pipeline, name.slice(0, -".json".length));
      const stored = await Deno.readTextFile(path);
      const text = await cover.uncover(pipeline, place, stored);
      await files.replace(path, await cover.cover(pipeline, place, text));
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
