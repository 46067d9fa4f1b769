import { dirname, isAbsolute, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { watchProject } from "../../engine/definitions/watch.ts";
import { lookAtProject } from "../../engine/definitions/watch.ts";
import type { OpenedLive } from "../backend.ts";
import { ProjectSpace } from "./project_space.ts";

/** What a project's folder has one of. */
const MARKS = ["connectors.yaml", "pipelines", "project.yaml", "transforms"];
const WATCH_DEBOUNCE_MS = 150;

export interface SpacesOptions {
  /** Opens the project in a folder: throws where it cannot be checked at all. */
  readonly open: (projectDir: string) => Promise<OpenedLive>;
  /** Something was found of the project. */
  readonly onState: (space: ProjectSpace) => void;
  readonly onError: (root: string, error: unknown) => void;
  /** The only project, where one was given; else the nearest folder above each file that is one. */
  readonly only?: string | undefined;
}

/** The projects of the files that an editor has open, each opened once. */
export class ProjectSpaces implements AsyncDisposable {
  readonly #options: SpacesOptions;
  readonly #spaces = new Map<string, Promise<ProjectSpace | undefined>>();
  readonly #rootByFolder = new Map<string, string | undefined>();
  readonly #closing = new AbortController();

  constructor(options: SpacesOptions) {
    this.#options = options;
  }

  /** The project of a file; undefined where it is in none, or in one that cannot be opened. */
  async of(uri: string): Promise<ProjectSpace | undefined> {
    if (!uri.startsWith("file:")) return undefined;
    const path = fileURLToPath(uri);
    const { only } = this.#options;
    if (only !== undefined) {
      const inside = relative(only, path);
      return inside.startsWith("..") || isAbsolute(inside) ? undefined : await this.#at(only);
    }
    const root = await this.#rootOf(dirname(path));
    return root === undefined ? undefined : await this.#at(root);
  }

  /** Opens the project in a folder, where there is one. */
  async openFolder(folder: string): Promise<void> {
    if (await isProject(folder)) await this.#at(folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    const open = await Promise.all(this.#spaces.values());
    this.#spaces.clear();
    await Promise.all(open.map((space) => space?.[Symbol.asyncDispose]()));
  }

  async #rootOf(folder: string): Promise<string | undefined> {
    if (this.#rootByFolder.has(folder)) return this.#rootByFolder.get(folder);
    let root: string | undefined;
    for (let at = folder;; at = dirname(at)) {
      if (await isProject(at)) {
        root = at;
        break;
      }
      if (dirname(at) === at) break;
    }
    // A project may be made later where none was.
    if (root !== undefined) this.#rootByFolder.set(folder, root);
    return root;
  }

  #at(root: string): Promise<ProjectSpace | undefined> {
    const known = this.#spaces.get(root);
    if (known !== undefined) return known;
    const opened = this.#open(root).catch((error) => {
      this.#options.onError(root, error);
      this.#spaces.delete(root);
      return undefined;
    });
    this.#spaces.set(root, opened);
    return opened;
  }

  async #open(root: string): Promise<ProjectSpace> {
    const since = await lookAtProject(root, { withTests: true });
    const live = await this.#options.open(root);
    const space = new ProjectSpace(root, live, {
      state: this.#options.onState,
      error: (error) => this.#options.onError(root, error),
    });
    space.published();
    const { signal } = this.#closing;
    void (async () => {
      for await (
        const _ of watchProject(root, { signal, debounceMs: WATCH_DEBOUNCE_MS, since, withTests: true })
      ) {
        await space.refresh();
      }
    })().catch((error) => this.#options.onError(root, error));
    return space;
  }
}

/** Two of them at least, or a pipeline: a folder of SQL alone is many things. */
async function isProject(folder: string): Promise<boolean> {
  const found = await Promise.all(
    MARKS.map((mark) => Deno.stat(join(folder, mark)).then(() => true, () => false)),
  );
  const [hasConnectors = false, hasPipelines = false] = found;
  return hasConnectors || hasPipelines && found.filter((one) => one).length > 1 || hasPipelines;
}
