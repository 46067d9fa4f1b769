import { dirname, join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import type { TableSample } from "../../../contract/jobs/environments/environment_job.ts";
import type { Log } from "../../../contract/log.ts";
import type { HoldStore } from "../../store/holds/port.ts";
import type { RunStore } from "../../store/ports/runs.ts";
import { Redactor } from "../../grants/redact.ts";
import { followReports } from "../attempt/follow_reports.ts";
import { withJobProcess } from "../attempt/job_process.ts";
import type { RunProcessProgram } from "../attempt/spawn.ts";
import { openScratchFolder } from "./copies_folder.ts";
import { type CopyContext, copyWarehouse } from "./copy_warehouse.ts";
import { HeldPipeline } from "./hold_pipeline.ts";
import { warehousePath, warehouseState } from "./warehouse_file.ts";
import type { WarehouseKeys } from "./warehouse_keys.ts";

export interface BeginContext extends CopyContext {
  readonly store: { readonly holds: HoldStore; readonly runs: Pick<RunStore, "list"> };
  readonly warehouseKeys: WarehouseKeys;
  readonly projectDir: string;
  readonly runProcess: RunProcessProgram;
  readonly log: Log;
}

export interface BeginRequest {
  /** Whose warehouse is copied. */
  readonly from: string;
  /** Whose it becomes: one that has none. */
  readonly to: string;
  /** Null for all of it. */
  readonly sample: TableSample | null;
  /** Streams that are to be read from their beginning. */
  readonly forgottenStreams: readonly string[];
  /** How long it waits for a run of `from` to end. */
  readonly waitMs: number;
}

export interface BegunWarehouse {
  /** Of raw. */
  readonly tables: number;
  readonly rows: number;
}

/**
 * Gives a pipeline of an environment a copy of another one's warehouse, or a sample of its raw tables. It is made beside,
 * and put in its place whole, in one step: whatever is killed when, there is all of it or nothing. Returns undefined where
 * there is nothing to copy. Throws as `copyWarehouse` does, and `conflict` where `to` has a warehouse.
 */
export async function beginWarehouse(
  context: BeginContext,
  { from, to, sample, forgottenStreams, waitMs }: BeginRequest,
  signal: AbortSignal,
): Promise<BegunWarehouse | undefined> {
  const { dataDir, projectDir, runProcess, warehouseKeys, store, clock, log } = context;
  const purpose = `copy the warehouse of ${from} to ${to}`;
  const onWait = (pipeline: string) => log("info", `waiting for a run of ${pipeline} to end`, { pipeline });
  await using scratch = await openScratchFolder(dataDir);
  const copy = await copyWarehouse(
    context,
    { pipeline: from, folder: scratch.path, purpose, waitMs, onWait },
    signal,
  );
  if (copy === undefined) return undefined;
  const path = sample === null ? copy.path : join(scratch.path, "sample.duckdb");
  const { redact } = new Redactor(copy.key === undefined ? [] : [copy.key.key]);
  const job = {
    kind: "environment",
    copyPath: copy.path,
    warehousePath: path,
    ...(copy.key === undefined ? {} : { warehouseKey: copy.key }),
    sample,
    forgottenStreams,
    projectDir,
    connectors: {},
    duckdb: { directories: [], files: [] },
  } as const;
  const permissions = { hosts: [], read: [scratch.path], write: [scratch.path], deny: [] };
  const begun = await withJobProcess(runProcess, { job, permissions }, async (process, stderr) => {
    let found: BegunWarehouse | undefined;
    await followReports(process, {
      redact,
      subject: `Cannot ${purpose}`,
      log: (level, message) => log(level, message, { pipeline: to }),
      onReport: (report) => {
        if (report.type === "begun") found = { tables: report.tables, rows: report.rows };
      },
    }, signal);
    if (found !== undefined) return found;
    throw new AppError("internal", `Cannot ${purpose}: the process that did it ended early`, {
      detail: redact(stderr.text),
    });
  });
  // Nobody begins to run it meanwhile.
  await using _held = await HeldPipeline.take(to, { store, clock, waitMs, signal, onWait, purpose });
  const target = warehousePath(dataDir, to);
  if (await warehouseState(target) !== "none") throw hasWarehouse(to);
  if (copy.key !== undefined) await warehouseKeys.share(from, to);
  await syncFile(path);
  await Deno.mkdir(dirname(target), { recursive: true, mode: 0o700 });
  await Deno.rename(path, target);
  await syncFile(dirname(target));
  return begun;
}

export function hasWarehouse(pipeline: string): AppError {
  return new AppError(
    "conflict",
    `Pipeline "${pipeline}" has a warehouse already: remove it with sluice env delete, and create it again`,
  );
}

/** To the disk. Windows has no such thing for folders. */
async function syncFile(path: string): Promise<void> {
  const file = await Deno.open(path).catch(() => undefined);
  await file?.sync().catch(() => {});
  file?.close();
}
