import { join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { PipelineLineage } from "../../contract/lineage/lineage.ts";
import type { Column } from "../../contract/sql.ts";
import type { LiveChecker, LivePipeline, LiveState } from "../../engine/definitions/live/live_checker.ts";
import { kindOf, modelName } from "../../sql/language/files/kinds.ts";
import { type Macro, parseMacros } from "../../sql/language/macros/parse_macros.ts";
import { type Model, parseModel } from "../../sql/language/model.ts";
import { Memo } from "../../text/memo.ts";
import type { OpenedLive } from "../backend.ts";

/** So long after the last letter a text is checked. */
const DEBOUNCE_MS = 120;
/** Whoever types is not kept waiting for columns of a query. */
const PATIENCE_MS = 1_500;

/** A file that makes a table, or holds a macro, and where. */
export interface ProjectFile {
  readonly path: string;
  readonly text: string;
}

/** One project that is being worked on: its files as the editor has them, and what is known of it. */
export class ProjectSpace implements AsyncDisposable {
  /** Absolute, as the editor names it. */
  readonly root: string;
  readonly #live: OpenedLive;
  readonly #onState: (space: ProjectSpace) => void;
  readonly #onError: (error: unknown) => void;
  readonly #open = new Map<string, string>();
  readonly #models = new Memo<Model | null>();
  #waiting = new Map<string, string | null>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #working: Promise<unknown> = Promise.resolve();
  /** What was asked of the state that is there now. */
  #asked = new Map<string, Promise<unknown>>();

  constructor(
    root: string,
    live: OpenedLive,
    on: { readonly state: (space: ProjectSpace) => void; readonly error: (error: unknown) => void },
  ) {
    this.root = root;
    this.#live = live;
    this.#onState = on.state;
    this.#onError = on.error;
  }

  get checker(): LiveChecker {
    return this.#live.checker;
  }

  get state(): LiveState {
    return this.checker.state;
  }

  /** The path in the project, with `/`; undefined for a file that is not in it. */
  pathOf(uri: string): string | undefined {
    if (!uri.startsWith("file:")) return undefined;
    const path = relative(this.root, fileURLToPath(uri));
    return path === "" || path === ".." || path.startsWith(`..${sep}`)
      ? undefined
      : path.replaceAll(sep, "/");
  }

  uriOf(path: string): string {
    return pathToFileURL(join(this.root, path)).href;
  }

  /** As the editor has it, or as it was read last; undefined for a file that there is not. */
  async textOf(path: string): Promise<string | undefined> {
    const open = this.#open.get(path);
    if (open !== undefined) return open;
    return await Deno.readTextFile(join(this.root, path)).catch(() => undefined);
  }

  async exists(path: string): Promise<boolean> {
    return this.#open.has(path) || await Deno.lstat(join(this.root, path)).then(() => true, () => false);
  }

  /** The editor has another text of the file; null where it has none any more. It is checked when nothing more comes for a while. */
  change(path: string, text: string | null): void {
    if (text === null) this.#open.delete(path);
    else this.#open.set(path, text);
    this.#waiting.set(path, text);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.settle(), DEBOUNCE_MS);
  }

  /** Checks what waits; resolves when all of it is in the state. */
  async settle(): Promise<void> {
    clearTimeout(this.#timer);
    const unsaved = this.#waiting;
    this.#waiting = new Map();
    if (unsaved.size > 0) await this.#work(() => this.checker.update({ unsaved }));
    else await this.#working;
  }

  /** Something was written, added or removed on disk. */
  async refresh(): Promise<void> {
    await this.#work(() => this.checker.refresh());
  }

  /** What was found by the last check that came to its end. */
  published(): void {
    this.#onState(this);
  }

  /** The pipeline whose table a file makes, or that uses it; the first where there are several. */
  pipelineOf(path: string): LivePipeline | undefined {
    const pipelines = [...this.state.pipelines.values()];
    const folder = /^transforms\/([^/]+)\//.exec(path)?.[1];
    const byFolder = pipelines.find(({ loaded: { name, sketch } }) =>
      folder !== undefined && (sketch?.definition.transform ?? name) === folder
    );
    return byFolder ??
      pipelines.find(({ loaded }) =>
        loaded.path === path || loaded.files.some((file) => file.path === path)
      ) ??
      (path.endsWith(".sql") && folder === undefined ? pipelines[0] : undefined);
  }

  /** All pipelines that have a table by a file, a seed's header, or that the defaults of a folder are for. */
  pipelinesWith(path: string): LivePipeline[] {
    const kind = kindOf(path);
    const folder = kind === "defaults" ? path.slice(0, path.lastIndexOf("/") + 1) : undefined;
    const wanted = kind === "seed header" ? path.replace(/\.ya?ml$/, ".csv") : path;
    return [...this.state.pipelines.values()].filter((pipeline) =>
      [...this.tableFiles(pipeline).values()].some((file) =>
        folder === undefined ? file.path === wanted : file.path.startsWith(folder)
      )
    );
  }

  /** Whether a file is part of a pipeline: its own, one of its models or its seeds. */
  hasFile({ loaded }: LivePipeline, path: string): boolean {
    return loaded.path === path || (loaded.sketch?.files ?? loaded.files).some((file) => file.path === path);
  }

  /** The files of a pipeline that make tables, by the tables' names in lower case. */
  tableFiles({ loaded: { sketch, files } }: LivePipeline): Map<string, ProjectFile> {
    return new Map(
      (sketch?.files ?? files).flatMap(({ path, content }) => {
        const kind = kindOf(path);
        return kind === "model" || kind === "seed"
          ? [[modelName(path).toLowerCase(), { path, text: content }]]
          : [];
      }),
    );
  }

  /** What a model's header says; undefined where it cannot be read. */
  modelAt({ path, text }: ProjectFile): Model | undefined {
    return this.#models.of(path, [text], () => {
      try {
        return parseModel({ path, content: text });
      } catch {
        return null;
      }
    }) ?? undefined;
  }

  /** All macros of the project. */
  async macros(): Promise<readonly Macro[]> {
    return await this.#once("macros", async () => {
      const found: Macro[] = [];
      for (const path of await this.#filesBelow("macros", ".sql")) {
        const content = await this.textOf(path);
        if (content === undefined) continue;
        found.push(...parseMacros({ path, content }).statements.map(({ macro }) => macro));
      }
      return found;
    });
  }

  /** The names of all seeds: a pipeline has those that it names. */
  async seeds(): Promise<readonly string[]> {
    return await this.#once("seeds", async () => (await this.#filesBelow("seeds", ".csv")).map(modelName));
  }

  /** All files of YAML that are something to the project, as far as they can be read. */
  async yamlFiles(): Promise<readonly ProjectFile[]> {
    return await this.#once("yaml", async () => {
      const below = await Promise.all(
        ["pipelines", "schemas", "tests", "transforms", "seeds"].map((folder) =>
          this.#filesBelow(folder, ".yaml", ".yml")
        ),
      );
      const found: ProjectFile[] = [];
      for (const path of ["connectors.yaml", "notifiers.yaml", "project.yaml", ...below.flat()]) {
        const text = await this.textOf(path);
        if (text !== undefined) found.push({ path, text });
      }
      return found;
    });
  }

  async lineage(pipeline: string): Promise<PipelineLineage | undefined> {
    return await this.#once(`lineage ${pipeline}`, () => this.checker.lineage(pipeline)).catch(() =>
      undefined
    );
  }

  /** The columns of a query; undefined where it cannot be bound, or takes too long for who waits. */
  async columnsOf(pipeline: string, sql: string): Promise<readonly Column[] | undefined> {
    const asked = this.#once(`${pipeline} ${sql}`, () => this.checker.columnsOf(pipeline, sql)).catch(() =>
      undefined
    );
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((resolve) =>
      timer = setTimeout(() => resolve(undefined), PATIENCE_MS)
    );
    return await Promise.race([asked, late]).finally(() => clearTimeout(timer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#live[Symbol.asyncDispose]();
  }

  async #filesBelow(folder: string, ...endings: string[]): Promise<string[]> {
    const isWanted = (path: string) => endings.some((ending) => path.endsWith(ending));
    const found = new Set(
      [...this.#open.keys()].filter((path) => path.startsWith(`${folder}/`) && isWanted(path)),
    );
    const walk = async (at: string, level: number) => {
      try {
        for await (const { name, isDirectory } of Deno.readDir(join(this.root, at))) {
          if (isDirectory && level < 8) await walk(`${at}/${name}`, level + 1);
          else if (isWanted(name)) found.add(`${at}/${name}`);
        }
      } catch {
        // There is none.
      }
    };
    await walk(folder, 1);
    return [...found].sort();
  }

  async #work(check: () => Promise<unknown>): Promise<void> {
    const working = check().then(() => {
      this.#asked = new Map();
      this.published();
    }, this.#onError);
    this.#working = working;
    await working;
  }

  #once<T>(what: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#asked.get(what);
    if (known !== undefined) return known as Promise<T>;
    const asked = ask();
    this.#asked.set(what, asked);
    return asked;
  }
}
