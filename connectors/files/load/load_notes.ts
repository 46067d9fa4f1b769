import * as v from "valibot";
import type { LoadReceipt, LoadRequest } from "../../../contract/connector/destination.ts";
import type { JsonValue } from "../../../contract/json.ts";
import type { Published } from "../../locations/location.ts";
import { loadOfFile, tokenOf } from "./part_name.ts";

/**
 * What loads note beside their files: which loads happened, and what they did. A load into a folder has
 * happened where its token is among `loads`, or in the name of one of the files; the note alone says
 * nothing, since it is written before an added file is in its place.
 */

/** Loads that are remembered. */
const MAX_LOADS = 1_000;

const receiptSchema = v.object({
  rows: v.number(),
  inserted: v.nullable(v.number()),
  updated: v.nullable(v.number()),
  deleted: v.nullable(v.number()),
  hash: v.nullable(v.string()),
  sizeBytes: v.number(),
});
type NotedReceipt = v.InferOutput<typeof receiptSchema>;

const noteSchema = v.object({
  version: v.optional(v.literal(1), 1),
  /** Tokens of load ids; the first release noted the ids themselves for files. */
  loads: v.array(v.string()),
  receipts: v.optional(v.record(v.string(), receiptSchema), {}),
  partitionBy: v.optional(v.array(v.string()), []),
  /** A load made the folder, which a replace may therefore replace. */
  isOurs: v.optional(v.boolean(), true),
  /** How many rows `files` files have together; null where that is not known. */
  total: v.optional(v.nullable(v.object({ files: v.number(), rows: v.number() })), null),
});
type Note = v.InferOutput<typeof noteSchema>;

export class LoadNotes {
  /** Undefined where there is nothing, or nothing of ours. */
  readonly #note: Note | undefined;
  readonly #paths: readonly string[];

  private constructor(note: Note | undefined, paths: readonly string[]) {
    this.#note = note;
    this.#paths = paths;
  }

  static of(current: Published | undefined): LoadNotes {
    const parsed = v.safeParse(noteSchema, current?.note);
    return new LoadNotes(
      current !== undefined && parsed.success ? parsed.output : undefined,
      (current?.files ?? []).map(({ path }) => path),
    );
  }

  get isOurs(): boolean {
    return this.#note?.isOurs ?? false;
  }

  /** Undefined where no load noted it. */
  get partitionBy(): readonly string[] | undefined {
    return this.#note?.partitionBy;
  }

  /** How many rows the target has; null where nobody counted them all. */
  get rows(): number | null {
    const total = this.#note?.total ?? null;
    return total !== null && total.files === this.#paths.length ? total.rows : null;
  }

  /** What the load did, where it has happened. */
  async receiptOf(request: LoadRequest): Promise<LoadReceipt | undefined> {
    for (const loadId of [request.loadId, request.earlierLoadId]) {
      if (loadId === undefined) continue;
      const token = await tokenOf(loadId);
      const loads = this.#note?.loads ?? [];
      const isDone = loads.includes(token) || loads.includes(loadId) ||
        this.#paths.some((path) => loadOfFile(path) === token);
      if (!isDone) continue;
      const none = { rows: 0, inserted: null, updated: null, deleted: null, hash: null, sizeBytes: 0 };
      return { ...none, ...this.#note?.receipts[token], repeated: true };
    }
    return undefined;
  }

  /** Whether no other load came after it. Of loads that only added files the order is not known. */
  async isLast(loadId: string): Promise<boolean> {
    const token = await tokenOf(loadId);
    const [last] = this.#note?.loads.slice(-1) ?? [];
    const named = this.#paths.map(loadOfFile).filter((name) => name !== undefined);
    const noted = new Set(this.#note?.loads);
    return last === token && named.every((name) => name === token || noted.has(name));
  }

  /** The note for the target as it will be with this load. */
  async with(load: {
    readonly loadId: string;
    readonly receipt: LoadReceipt;
    readonly partitionBy: readonly string[];
    /** The target's rows and files then. */
    readonly rows: number | null;
    readonly files: number;
    /** The load's files have its token in their names, and stand beside others. */
    readonly isNamedByFiles: boolean;
    readonly isOurs: boolean;
  }): Promise<JsonValue> {
    const token = await tokenOf(load.loadId);
    const { repeated: _repeated, ...receipt } = load.receipt;
    const receipts: [string, NotedReceipt][] = Object.entries(this.#note?.receipts ?? {});
    return {
      version: 1,
      loads: [...await this.#tokens(), ...(load.isNamedByFiles ? [] : [token])].slice(-MAX_LOADS),
      receipts: Object.fromEntries([...receipts, [token, receipt] as const].slice(-MAX_LOADS)),
      partitionBy: [...load.partitionBy],
      isOurs: load.isOurs,
      total: load.rows === null ? null : { files: load.files, rows: load.rows },
    };
  }

  /** Of all loads that happened, those too that only the files tell of. */
  async #tokens(): Promise<string[]> {
    const noted = await Promise.all((this.#note?.loads ?? []).map(tokenOf));
    const named = this.#paths.map(loadOfFile).filter((token) => token !== undefined);
    return [...new Set([...noted, ...named])];
  }
}
