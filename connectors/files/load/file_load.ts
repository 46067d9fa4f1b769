import { dirname } from "node:path";
import type { Load, LoadInput, LoadReceipt, LoadRequest } from "../../../contract/connector/destination.ts";
import { AppError } from "../../../contract/errors.ts";
import type { FilePaths } from "../../locations/file_paths.ts";
import type { Location, Publication, Published } from "../../locations/location.ts";
import type { FileTarget } from "../options.ts";
import { checkColumns, checkFolder } from "./check_load.ts";
import { checkPlan } from "./check_plan.ts";
import { existingRelation } from "./existing.ts";
import { LoadNotes } from "./load_notes.ts";
import { loadOfFile, tokenOf } from "./part_name.ts";
import { type FileTargetPlan, planTarget } from "./target_plan.ts";
import { writeRows } from "./write_rows.ts";

/** Where a connector's files are, and where it may put what it makes on the way. */
export interface FilePlace {
  readonly paths: FilePaths;
  /** Absolute. */
  readonly scratchDir: string;
  readonly location: Location;
}

interface Claimed {
  readonly publication: Publication;
  readonly notes: LoadNotes;
}

interface Staged {
  readonly input: LoadInput;
  /** With those that a merge kept. */
  readonly written: number;
  /** Rows that a merge left out. */
  readonly deleted: number;
}

/** One load into a file or a folder of files; the location makes it visible in one step. */
export class FileLoad implements Load {
  readonly #plan: FileTargetPlan;
  readonly #location: Location;
  readonly #scratchDir: string;
  readonly #request: LoadRequest<FileTarget>;
  readonly #signal: AbortSignal;
  #claimed: Claimed | undefined;
  #staged: Staged | undefined;
  #receipt: LoadReceipt | undefined;

  /** Throws `invalid` for a target that cannot be loaded like this. */
  constructor(
    { paths, scratchDir, location }: FilePlace,
    request: LoadRequest<FileTarget>,
    signal: AbortSignal,
  ) {
    this.#scratchDir = scratchDir;
    this.#plan = planTarget(paths, request);
    checkPlan(this.#plan);
    this.#location = location;
    this.#request = request;
    this.#signal = signal;
  }

  async claim(): Promise<LoadReceipt | undefined> {
    const publication = await this.#location.publish(this.#plan.target, this.#signal);
    const notes = LoadNotes.of(publication.current);
    this.#claimed = { publication, notes };
    const known = await notes.receiptOf(this.#request);
    if (known === undefined) checkFolder(this.#plan, publication.current, notes);
    return known;
  }

  async isAfter(loadId: string): Promise<boolean> {
    const { publication, notes } = this.#taken(this.#claimed);
    return publication.current !== undefined && await notes.isLast(loadId);
  }

  async stage(input: LoadInput): Promise<void> {
    const { publication } = this.#taken(this.#claimed);
    checkColumns(this.#plan, input.schema);
    await using existing = this.#plan.mode === "merge"
      ? await existingRelation(
        this.#plan,
        publication.current,
        { location: this.#location, scratchDir: this.#scratchDir },
        this.#signal,
      )
      : undefined;
    const token = await tokenOf(this.#request.loadId);
    const { rows: written, deleted } = await writeRows(
      input.isPartial ? { ...this.#plan, deletesMissing: false } : this.#plan,
      publication,
      token,
      input,
      { existing, scratchDir: this.#scratchDir },
      this.#signal,
    );
    this.#signal.throwIfAborted();
    if (existing === undefined && input.rows !== null && written !== input.rows) {
      throw new AppError(
        "internal",
        `${this.#plan.action}: ${input.rows} rows were announced and ${written} written; nothing is changed`,
      );
    }
    this.#staged = { input, written, deleted };
  }

  async apply(): Promise<void> {
    const { publication, notes } = this.#taken(this.#claimed);
    const { input, written, deleted } = this.#taken(this.#staged);
    const { mode, target } = this.#plan;
    const staged = await publication.staged();
    const unexpected = staged.find(({ path }) => target.kind === "folder" && loadOfFile(path) === undefined);
    if (unexpected !== undefined) {
      throw new AppError(
        "internal",
        `${this.#plan.action}: unexpected file "${unexpected.path}" was written`,
      );
    }
    const { current } = publication;
    const rowsBefore = current === undefined ? 0 : notes.rows;
    const keepsCurrent = (mode === "append" || mode === "delete_insert") && current !== undefined;
    const removes = mode === "delete_insert" ? inSameFolders(current, staged) : NONE;
    const receipt = {
      ...counts(mode, {
        sent: input.rows,
        written,
        deleted,
        before: mode === "delete_insert" ? (removes.size === 0 ? 0 : null) : rowsBefore,
      }),
      hash: await input.hash(),
      sizeBytes: staged.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      repeated: false,
    };
    const note = await notes.with({
      loadId: this.#request.loadId,
      receipt,
      partitionBy: this.#plan.options.partition_by ?? [],
      rows: !keepsCurrent ? written : rowsBefore === null || removes.size > 0 ? null : rowsBefore + written,
      files: staged.length + (keepsCurrent ? current.files.length - removes.size : 0),
      isNamedByFiles: keepsCurrent && staged.length > 0,
      isOurs: !keepsCurrent || notes.isOurs,
    });
    this.#signal.throwIfAborted();
    await publication.prepare({ keepsCurrent, removes, note });
    this.#receipt = receipt;
  }

  async commit(): Promise<LoadReceipt> {
    const { publication } = this.#taken(this.#claimed);
    const receipt = this.#taken(this.#receipt);
    this.#signal.throwIfAborted();
    await publication.commit();
    return receipt;
  }

  #taken<T>(step: T | undefined): T {
    if (step === undefined) {
      throw new AppError("internal", `${this.#plan.action}: its steps came out of order`);
    }
    return step;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#claimed?.publication[Symbol.asyncDispose]();
  }
}

const NONE: ReadonlySet<string> = new Set();

/** The current files that are in a folder which gets a new file: its partition. */
function inSameFolders(
  current: Published | undefined,
  staged: readonly { readonly path: string }[],
): ReadonlySet<string> {
  const folders = new Set(staged.map(({ path }) => dirname(path)));
  const paths = (current?.files ?? []).map(({ path }) => path);
  return new Set(paths.filter((path) => folders.has(dirname(path)) && loadOfFile(path) !== undefined));
}

/** `written` are the target's rows afterwards for a replace and a merge. */
function counts(
  mode: FileTargetPlan["mode"],
  { sent, written, deleted, before }: {
    readonly sent: number | null;
    readonly written: number;
    readonly deleted: number;
    readonly before: number | null;
  },
): Pick<LoadReceipt, "rows" | "inserted" | "updated" | "deleted"> {
  if (mode !== "merge") {
    return { rows: written, inserted: written, updated: 0, deleted: mode === "append" ? 0 : before };
  }
  if (sent === null) throw new AppError("internal", "Cannot merge rows that were not counted");
  const inserted = before === null ? null : written - (before - deleted);
  return { rows: sent, inserted, updated: inserted === null ? null : sent - inserted, deleted };
}
