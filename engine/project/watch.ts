import { basename, join } from "node:path";

export interface WatchOptions {
  readonly signal: AbortSignal;
  /** How long the files must have been still. */
  readonly debounceMs: number;
}

/** How often a project folder that is gone is looked for. */
const ABSENT_POLL_MS = 1_000;
/** Files that never stop changing are told of after this many debounces all the same. */
const MAX_DEBOUNCES = 10;

/**
 * Yields when connectors.yaml, a pipeline or a model was added, changed or removed, some time after
 * the last change. Folders may come and go, the project's own too. A change during the consumer's
 * work yields again; one too many is possible. Ends when the signal aborts.
 *
 * Only the folders that hold such files are watched, and not what is below the others: a run that
 * writes into the project must not wake anyone.
 */
export async function* watchProject(
  projectDir: string,
  { signal, debounceMs }: WatchOptions,
): AsyncGenerator<void, void, undefined> {
  let isFirst = true;
  while (!signal.aborted) {
    const folders = await watchedFolders(projectDir);
    const watcher = openWatcher(folders);
    if (watcher === undefined) {
      isFirst = false;
      await delay(ABSENT_POLL_MS, signal);
      continue;
    }
    const close = () => watcher.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      // What changed between two watchers was seen by neither.
      if (!isFirst) yield;
      isFirst = false;
      const bursts = debounced(watcher, debounceMs, new Set(folders));
      for (;;) {
        const burst = await bursts.next();
        if (burst !== "files" || signal.aborted) break;
        yield;
      }
    } finally {
      signal.removeEventListener("abort", close);
      if (!signal.aborted) watcher.close();
    }
  }
}

async function watchedFolders(projectDir: string): Promise<string[]> {
  const found: string[] = [];
  const add = async (folder: string) => {
    try {
      const info = await Deno.stat(folder);
      if (info.isDirectory) found.push(folder);
      return info.isDirectory;
    } catch {
      return false;
    }
  };
  if (!await add(projectDir)) return [];
  await add(join(projectDir, "pipelines"));
  const transforms = join(projectDir, "transforms");
  if (await add(transforms)) {
    for (const name of await subfolders(transforms)) await add(join(transforms, name));
  }
  return found;
}

async function subfolders(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) if (!entry.isFile) names.push(entry.name);
  } catch {
    // It went away meanwhile: the next look will tell.
  }
  return names.sort();
}

function openWatcher(folders: readonly string[]): Deno.FsWatcher | undefined {
  if (folders.length === 0) return undefined;
  try {
    return Deno.watchFs([...folders], { recursive: false });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** `folders`: one of the watched ones came or went, so that the watcher does not see them all. */
type Burst = "files" | "folders" | "closed";

/** Answers once after each burst of changes. */
function debounced(
  watcher: Deno.FsWatcher,
  debounceMs: number,
  folders: ReadonlySet<string>,
): { next(): Promise<Burst> } {
  const events = watcher[Symbol.asyncIterator]();
  let pending = events.next();
  const take = async (): Promise<Burst | undefined> => {
    const result = await pending;
    if (result.done) return "closed";
    pending = events.next();
    return burstOf(result.value, folders);
  };
  return {
    async next() {
      let burst = await take();
      while (burst === undefined) burst = await take();
      const deadline = performance.now() + MAX_DEBOUNCES * debounceMs;
      while (burst !== "closed" && performance.now() < deadline) {
        if (await within(pending, debounceMs)) break;
        const next = await take();
        if (next === "closed" || next === "folders") burst = next;
      }
      return burst;
    },
  };
}

/** True where the promise has not settled after that time. */
async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const quiet = new Promise<true>((done) => timer = setTimeout(() => done(true), ms));
  const settled = promise.then(() => false, () => false);
  try {
    return await Promise.race([quiet, settled]);
  } finally {
    clearTimeout(timer);
  }
}

/** What an event means: a name without an ending may be a folder. Reading a file is not a change. */
function burstOf(event: Deno.FsEvent, folders: ReadonlySet<string>): Burst | undefined {
  if (event.kind === "access") return undefined;
  const names = event.paths.map((path) => basename(path)).filter((name) => !name.startsWith("."));
  if (event.paths.some((path) => folders.has(path))) return "folders";
  if (names.some((name) => /\.(?:ya?ml|sql)$/.test(name))) return "files";
  return event.kind !== "modify" && names.some((name) => !name.includes(".")) ? "folders" : undefined;
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      done();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener("abort", finish, { once: true });
  });
}
