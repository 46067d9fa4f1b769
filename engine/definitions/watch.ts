import { basename, join, relative } from "node:path";
import { DEFAULTS_FILE, MACROS_FOLDER, SEEDS_FOLDER } from "../../sql/language/files/kinds.ts";
import { SCRIPTS_FOLDER } from "../../contract/project/project_paths.ts";
import { PACKAGE_FILES } from "../../contract/project/project_paths.ts";

export interface WatchOptions {
  readonly signal: AbortSignal;
  /** How long the files must have been still. */
  readonly debounceMs: number;
  /** How the files looked before the caller read them: what has changed since is yielded at once. */
  readonly since: ProjectLook;
  /** As of lookAtProject. */
  readonly withTests?: boolean;
}

/**
 * How often the files are looked at without an event: not every file system reports changes, and the
 * watch of a folder that is removed and made again at once may be lost.
 */
const POLL_MS = 2_000;
/** Folders in folders of scripts/ and transforms/ whose files are looked at: links in there may lead in a circle. */
const MOST_LEVELS = 8;
/** Files that never stop changing are reported after this many debounces all the same. */
const MAX_DEBOUNCES = 10;

/**
 * Yields when connectors.yaml, notifiers.yaml, project.yaml, a pipeline, a model or a module of scripts/ was added, changed or removed, some time
 * after the last change: the paths of those files in the project. Folders may come and go, the project's own too. A change during the consumer's
 * work yields again. Ends when the signal aborts.
 *
 * Events only say when to look; what counts is whether the files differ from the last look. Only the
 * folders that hold such files are watched, and not what is below the others: a run that writes into
 * the project must not wake anyone.
 */
export async function* watchProject(
  projectDir: string,
  { signal, debounceMs, since, withTests = false }: WatchOptions,
): AsyncGenerator<readonly string[], void, undefined> {
  let seen = since;
  while (!signal.aborted) {
    await using watcher = new FolderWatcher(seen.folders);
    for (let isWatched = true; isWatched && !signal.aborted;) {
      // The first look is right after the watch began: what changed before it was in no event.
      const now = await lookAtProject(projectDir, { withTests });
      isWatched = !watcher.lostFolder && now.folders.join("\0") === seen.folders.join("\0");
      const before = seen;
      seen = now;
      if (now.files !== before.files) yield changedBetween(projectDir, before, now);
      if (isWatched) await watcher.burst(debounceMs, signal);
    }
  }
}

/** What there is to watch, as it was at one moment. */
export interface ProjectLook {
  /** Those to watch. */
  readonly folders: readonly string[];
  /** All files with their sizes and times, as one text to compare. */
  readonly files: string;
}

/** Paths in the project of the files that two looks do not see alike. */
export function changedBetween(projectDir: string, before: ProjectLook, after: ProjectLook): string[] {
  const [old, now] = [before, after].map(({ files }) => new Set(files.split("\n")));
  const changed = [
    ...[...now ?? []].filter((line) => old?.has(line) !== true),
    ...[...old ?? []].filter((line) => now?.has(line) !== true),
  ];
  return [
    ...new Set(
      changed.filter((line) => line !== "").map((line) =>
        relative(projectDir, line.replace(PRINT, "")).replaceAll("\\", "/")
      ),
    ),
  ];
}

/** What a file's line has behind its path. */
const PRINT = /(?: \S*){4}$| unreadable$/;

/**
 * Reads names, sizes and times of the files, not what they hold. Never throws for what is missing. `withTests`: those of
 * tests/ and schemas/, too, which no revision is made of.
 */
export async function lookAtProject(
  projectDir: string,
  { withTests = false }: { readonly withTests?: boolean } = {},
): Promise<ProjectLook> {
  const folders: string[] = [];
  const files: string[] = [];
  const look = async (folder: string, isOurs: (name: string) => boolean): Promise<string[]> => {
    const others: string[] = [];
    try {
      for await (const { name } of Deno.readDir(folder)) {
        if (isOurs(name)) files.push(await fingerprint(join(folder, name)));
        else if (!name.startsWith(".")) others.push(name);
      }
      folders.push(folder);
    } catch (error) {
      // Not there, gone meanwhile or not to be read: that is what it looks like now.
      const { NotFound, NotADirectory, FilesystemLoop, PermissionDenied } = Deno.errors;
      if (
        ![NotFound, NotADirectory, FilesystemLoop, PermissionDenied].some((kind) => error instanceof kind)
      ) {
        throw error;
      }
    }
    return others.sort();
  };
  const lookBelow = async (folder: string, levels: number, isOurs: (name: string) => boolean) => {
    const before = folders.length;
    const others = await look(folder, isOurs);
    for (const name of levels === 0 ? [] : others) await lookBelow(join(folder, name), levels - 1, isOurs);
    return folders.length > before;
  };
  // What scripts import beside one another are packages, which these files name.
  const hasScripts = await lookBelow(
    join(projectDir, SCRIPTS_FOLDER),
    MOST_LEVELS,
    (name) => !name.startsWith(".") && name.includes("."),
  );
  const ofPackages: readonly string[] = hasScripts ? PACKAGE_FILES : [];
  const ofProject = ["connectors.yaml", "notifiers.yaml", "project.yaml", ...ofPackages];
  await look(projectDir, (name) => ofProject.includes(name));
  await look(join(projectDir, "pipelines"), (name) => /\.ya?ml$/.test(name));
  await lookBelow(
    join(projectDir, "transforms"),
    MOST_LEVELS,
    (name) => name.endsWith(".sql") || name === DEFAULTS_FILE,
  );
  await lookBelow(join(projectDir, MACROS_FOLDER), MOST_LEVELS, (name) => name.endsWith(".sql"));
  const beside = withTests ? ["tests", "schemas"] : [];
  for (const folder of [SEEDS_FOLDER, ...beside]) {
    await lookBelow(join(projectDir, folder), MOST_LEVELS, (name) => /\.(?:csv|ya?ml)$/.test(name));
  }
  return { folders, files: files.sort().join("\n") };
}

async function fingerprint(path: string): Promise<string> {
  try {
    const { size, mtime, ctime, ino } = await Deno.stat(path);
    return [path, size, mtime?.getTime(), ctime?.getTime(), ino].join(" ");
  } catch {
    return `${path} unreadable`;
  }
}

/** Says when something happened in some folders, not what. */
class FolderWatcher implements AsyncDisposable {
  readonly #watcher: Deno.FsWatcher | undefined;
  readonly #folders: ReadonlySet<string>;
  readonly #done: Promise<void>;
  #hasEvent = false;
  #wake = () => {};
  #lostFolder = false;

  constructor(folders: readonly string[]) {
    this.#folders = new Set(folders);
    this.#watcher = openWatcher(folders);
    this.#done = this.#follow();
  }

  /** One of the folders came or went: what is in it now may not be watched. */
  get lostFolder(): boolean {
    return this.#lostFolder;
  }

  /** Resolves when there was an event and then none for a while, or after POLL_MS, or at the abort. */
  async burst(debounceMs: number, signal: AbortSignal): Promise<void> {
    if (!await this.#event(POLL_MS, signal)) return;
    const deadlineMs = performance.now() + MAX_DEBOUNCES * debounceMs;
    while (performance.now() < deadlineMs && await this.#event(debounceMs, signal));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watcher?.close();
    await this.#done;
  }

  async #follow(): Promise<void> {
    for await (const event of this.#watcher ?? []) {
      if (event.paths.some((path) => this.#folders.has(path))) this.#lostFolder = true;
      if (!isRelevant(event, this.#folders)) continue;
      this.#hasEvent = true;
      this.#wake();
    }
  }

  /** Whether there is an event, or comes one within the time. */
  async #event(withinMs: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#hasEvent && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, withinMs);
      this.#wake = resolve;
      signal.addEventListener("abort", this.#wake, { once: true });
      await promise;
      signal.removeEventListener("abort", this.#wake);
      clearTimeout(timer);
    }
    const hadEvent = this.#hasEvent && !signal.aborted;
    this.#hasEvent = false;
    return hadEvent;
  }
}

/** Undefined where they cannot be watched: then they are only looked at now and then. */
function openWatcher(folders: readonly string[]): Deno.FsWatcher | undefined {
  if (folders.length === 0) return undefined;
  try {
    return Deno.watchFs([...folders], { recursive: false });
  } catch {
    // One of them is gone, or the system allows no more watches.
    return undefined;
  }
}

/** A name without an ending may be a folder. Reading a file is not a change. */
function isRelevant(event: Deno.FsEvent, folders: ReadonlySet<string>): boolean {
  if (event.kind === "access") return false;
  return event.paths.some((path) => {
    const name = basename(path);
    return folders.has(path) || /\.(?:ya?ml|sql|csv|m?[jt]s|py|json|lock)$/.test(name) || !name.includes(".");
  });
}
