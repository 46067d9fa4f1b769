import { dirname } from "node:path";
import type { ConvertJob } from "../../contract/jobs/convert_job.ts";
import { convertFile } from "../duckdb/convert_file.ts";
import type { JobContext } from "./job_context.ts";
import { pointsOf } from "./points.ts";

/** Writes a warehouse anew with another encryption, and puts that in its place: it is the one or the other at any moment. */
export async function convertJob(job: ConvertJob, { reporter, signal }: JobContext): Promise<void> {
  const { warehousePath: path, copyPath, action, convertKey: key, tempDir: tempDirectory } = job;
  const points = pointsOf(job.dieAt);
  const converted = await convertFile({ path, copyPath, action, key, tempDirectory }, async () => {
    signal.throwIfAborted();
    await closeToOthers(copyPath);
    await sync(copyPath);
    points.reach("convert", "before commit");
    await Deno.rename(copyPath, path);
    points.reach("convert", "after commit");
    await sync(dirname(path));
  });
  reporter.send({ type: "converted", ...converted });
}

/** DuckDB makes its files with the process's umask; their folder is closed. */
async function closeToOthers(path: string): Promise<void> {
  if (Deno.build.os !== "windows") await Deno.chmod(path, 0o600);
}

/** To the disk. Windows has no such thing for folders. */
async function sync(path: string): Promise<void> {
  const file = await Deno.open(path).catch(() => undefined);
  await file?.sync().catch(() => {});
  file?.close();
}
