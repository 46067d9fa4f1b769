import { join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import type { RejectChange, StreamRejects } from "../../../contract/rejects.ts";
import { type RunProcessProgram, spawnRunProcess } from "../attempt/spawn.ts";
import { warehousePath } from "../attempt/process_grant.ts";
import type { PublishedFolder } from "./published.ts";

export interface ChangeRejectsContext {
  readonly projectDir: string;
  readonly dataDir: string;
  readonly runProcess: RunProcessProgram;
  readonly rejects: PublishedFolder<StreamRejects>;
  readonly log: Log;
}

export interface ChangeRejectsRequest {
  readonly pipeline: string;
  readonly stream: string;
  readonly definition: StreamDefinition;
  readonly action: "replay" | "drop";
}

/**
 * Replays or drops a stream's rejects in a process of its own, which may touch the pipeline's warehouse and nothing
 * else. No run of the pipeline may be under way. Throws `invalid` where nothing can be replayed, `unavailable` where
 * the warehouse is in use.
 */
export async function changeRejects(
  { projectDir, dataDir, runProcess, rejects, log }: ChangeRejectsContext,
  { pipeline, stream, definition, action }: ChangeRejectsRequest,
  signal: AbortSignal,
): Promise<RejectChange> {
  const warehouse = warehousePath(dataDir, pipeline);
  const subject = `Cannot ${action} the rejects of "${stream}"`;
  const none = { stream, replayed: 0, dropped: 0, left: 0, reason: null };
  if (!await exists(warehouse)) return none;
  const tempDir = await Deno.makeTempDir({ prefix: "sluice-rejects-" });
  try {
    const stderr: string[] = [];
    await using process = await spawnRunProcess(
      runProcess,
      {
        kind: "rejects",
        action,
        stream,
        definition,
        warehousePath: warehouse,
        projectDir,
        tempDir: join(tempDir, "spill"),
        connectors: {},
        duckdb: { directories: [], files: [] },
      },
      { hosts: [], read: [], write: [], deny: [] },
      (line) => void (stderr.length < 50 && stderr.push(line)),
    );
    const kill = () => process.kill();
    signal.addEventListener("abort", kill, { once: true });
    using _listening = { [Symbol.dispose]: () => signal.removeEventListener("abort", kill) };
    let change: RejectChange | undefined;
    for await (const report of process.reports) {
      if (report.type === "rejects") {
        await rejects.put(pipeline, stream, report.rejects.count === 0 ? undefined : report.rejects);
      } else if (report.type === "rejects_changed") change = report.change;
      else if (report.type === "log") log(report.level, report.message);
      else if (report.type === "finished") {
        await process.close();
        if (report.error === null) continue;
        throw new AppError(report.error.code, `${subject}: ${report.error.message}`, {
          ...(report.error.detail === undefined ? {} : { detail: report.error.detail }),
        });
      }
    }
    signal.throwIfAborted();
    if (change !== undefined) return change;
    throw new AppError("internal", `${subject}: the process that did it ended without a result`, {
      detail: stderr.join("\n"),
    });
  } finally {
    await Deno.remove(tempDir, { recursive: true });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
