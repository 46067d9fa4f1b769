import { basename, dirname, join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import { requirePathPart } from "../../../contract/names.ts";
import type { Store } from "../../store/store.ts";
import { requireRoom } from "./copy_warehouse.ts";
import { warehousePath } from "./warehouse_file.ts";

/**
 * Warehouses as runs left them, for `sluice replay`: a folder a run, `kept_inputs/<pipeline>/<run>/` in the data folder, with the
 * file and the log beside it. A folder gets its name when all is in it and on the disk.
 */

const KEPT_INPUTS = "kept_inputs";
/** Of a folder that is not whole. */
const PART = ".part";
/** Of a run that failed: of those only the newest is kept, and it takes the place of none that succeeded. */
const FAILED = ".failed";
const KEPT_FAILED = 1;
const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;

const pipelineFolder = (dataDir: string, pipeline: string): string =>
  join(dataDir, KEPT_INPUTS, requirePathPart(pipeline));

/**
 * Keeps the warehouse of a pipeline as the run has left it, and of the runs before that succeeded so many that they are `keep`
 * together; of those that failed the last.
 * Nothing may write the warehouse meanwhile. Where the file system can share blocks this takes a moment and no room. Throws
 * `unavailable` where the disk has no room; what was kept before stays then.
 */
export async function keepInputs(
  dataDir: string,
  pipeline: string,
  { run, hasFailed }: { readonly run: string; readonly hasFailed: boolean },
  keep: number,
): Promise<void> {
  const folder = pipelineFolder(dataDir, pipeline);
  const names = namesOf(run);
  const kept = join(folder, names[hasFailed ? 1 : 0]);
  const part = `${kept}${PART}`;
  await Deno.mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
  await removeAll(part);
  await Deno.mkdir(part, { mode: PRIVATE_FOLDER });
  try {
    const path = warehousePath(dataDir, pipeline);
    const paths = [path, `${path}.wal`];
    await requireRoom(`keep the inputs of run ${run}`, paths, part);
    for (const one of paths) await copyDurably(one, join(part, basename(one)));
    // An earlier attempt of it may have failed.
    for (const name of names) await removeAll(join(folder, name));
    await Deno.rename(part, kept);
  } catch (error) {
    await removeAll(part);
    throw error;
  }
  await keepNewest(dataDir, pipeline, keep);
}

/** What the folder of a run may be called: where it succeeded, and where it failed. */
const namesOf = (run: string): readonly [succeeded: string, failed: string] => {
  const name = requirePathPart(run);
  return [name, `${name}${FAILED}`];
};

/** Removes what is kept of all but so many runs, the newest, and of those that failed all but the last. */
export async function keepNewest(dataDir: string, pipeline: string, keep: number): Promise<void> {
  const folder = pipelineFolder(dataDir, pipeline);
  const names = await namesIn(folder);
  const whole = names.filter((name) => !name.endsWith(PART)).toSorted().toReversed();
  const failed = whole.filter((name) => name.endsWith(FAILED));
  const succeeded = whole.filter((name) => !name.endsWith(FAILED));
  const gone = [
    ...names.filter((name) => name.endsWith(PART)),
    ...succeeded.slice(keep),
    ...failed.slice(keep === 0 ? 0 : KEPT_FAILED),
  ];
  for (const name of gone) await removeAll(join(folder, name));
}

/** Whether something is kept of the run. */
export async function isKept(dataDir: string, pipeline: string, run: string): Promise<boolean> {
  return await keptFolder(dataDir, pipeline, run) !== undefined;
}

async function keptFolder(dataDir: string, pipeline: string, run: string): Promise<string | undefined> {
  for (const name of namesOf(run)) {
    const folder = join(pipelineFolder(dataDir, pipeline), name);
    if ((await namesIn(folder)).some((one) => one.endsWith(".duckdb"))) return folder;
  }
  return undefined;
}

/** Copies what is kept of a run into a folder. Returns the file's path there; undefined where nothing is kept. */
export async function copyKept(
  dataDir: string,
  pipeline: string,
  run: string,
  folder: string,
): Promise<string | undefined> {
  const kept = await keptFolder(dataDir, pipeline, run);
  if (kept === undefined) return undefined;
  const names = await namesIn(kept);
  const name = names.find((one) => one.endsWith(".duckdb"));
  if (name === undefined) return undefined;
  await requireRoom(`replay run ${run}`, names.map((one) => join(kept, one)), folder);
  try {
    for (const one of names) await Deno.copyFile(join(kept, one), join(folder, one));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new AppError("conflict", `Cannot replay run ${run}: what was kept of it was removed meanwhile`);
  }
  return join(folder, name);
}

/** Removes what is kept of runs that the store has forgotten; returns of how many. */
export async function forgetKeptInputs(
  dataDir: string,
  { runs }: { readonly runs: Pick<Store["runs"], "get"> },
): Promise<number> {
  let count = 0;
  for (const pipeline of await namesIn(join(dataDir, KEPT_INPUTS))) {
    const folder = join(dataDir, KEPT_INPUTS, pipeline);
    for (const name of await namesIn(folder)) {
      const run = name.endsWith(FAILED) ? name.slice(0, -FAILED.length) : name;
      if (name.endsWith(PART) || await runs.get(run) !== undefined) continue;
      await removeAll(join(folder, name));
      count += 1;
    }
  }
  return count;
}

/** Of how many runs something is kept, and how large that is: blocks that files share are counted for each. */
export async function keptInputs(
  dataDir: string,
): Promise<{ readonly runs: number; readonly bytes: number }> {
  let [runs, bytes] = [0, 0];
  for (const pipeline of await namesIn(join(dataDir, KEPT_INPUTS))) {
    for (const run of await namesIn(join(dataDir, KEPT_INPUTS, pipeline))) {
      const folder = join(dataDir, KEPT_INPUTS, pipeline, run);
      runs += 1;
      for (const name of await namesIn(folder)) bytes += (await Deno.stat(join(folder, name))).size;
    }
  }
  return { runs, bytes };
}

/** What a kill cut off may be there after it: only what is on the disk counts. */
async function copyDurably(from: string, to: string): Promise<void> {
  try {
    await Deno.copyFile(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return;
  }
  if (Deno.build.os !== "windows") await Deno.chmod(to, PRIVATE_FILE);
  for (const path of Deno.build.os === "windows" ? [to] : [to, dirname(to)]) {
    using file = await Deno.open(path);
    await file.sync();
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

async function removeAll(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
