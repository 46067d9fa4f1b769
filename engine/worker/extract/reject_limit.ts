import type { Reject } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import { limitOf } from "../../../contract/pipeline/words.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { countRejects, type RejectCounts } from "../../warehouse/rejects.ts";

interface RejectSubject {
  readonly name: string;
  readonly stream: StreamDefinition;
}

/** In the place of a reason that may tell a value which is masked. */
export const MASKED_REASON = "a row does not fit (the stream masks values, so no more is told)";

/** Counts the rows of one run that do not fit, up to what the stream allows. */
export class RejectLimit {
  readonly #options: RejectSubject;
  /** Whether rows of other runs are kept. */
  readonly hasEarlier: boolean;
  #taken: number;
  #byContract: number;
  /** The first of those that no count allows, or that a share may turn out not to. */
  #first: Reject | undefined;

  private constructor(options: RejectSubject, { counted, byContract, earlier }: RejectCounts) {
    this.#options = options;
    this.#taken = counted;
    this.#byContract = byContract;
    this.hasEarlier = earlier > 0;
  }

  /** Goes on from what the run has committed. */
  static async open(
    session: DuckSession,
    { name, stream, runId }: RejectSubject & { readonly runId: string },
  ): Promise<RejectLimit> {
    return new RejectLimit({ name, stream }, await countRejects(session, name, runId));
  }

  /** All that were kept aside, by the stream's contract too. */
  get taken(): number {
    return this.#taken + this.#byContract;
  }

  /** Counts rows that the contract sets aside, which no limit is for. */
  discard(count: number): void {
    this.#byContract += count;
  }

  /** Whether nothing of a row may be told but where it is. */
  get hasMasks(): boolean {
    return Object.keys(this.#options.stream.mask).length > 0;
  }

  /** Returns what may be kept of it. Throws `invalid` where the stream allows no more. */
  take(reject: Reject): Reject {
    // Its reason and its row may tell a value that is masked.
    const kept = this.hasMasks ? { ...reject, reason: MASKED_REASON, row: null } : reject;
    this.#taken += 1;
    this.#first ??= kept;
    const limit = limitOf(this.#options.stream.max_rejects);
    if ("count" in limit && this.#taken > limit.count) throw this.#tooMany(kept);
    return kept;
  }

  /** Counts rows that are kept already. Throws `invalid` where the stream allows no more; `nth` finds one, from 0. */
  async takeKept(count: number, nth: (index: number) => Promise<Reject>): Promise<void> {
    if (count === 0) return;
    const before = this.#taken;
    this.#taken += count;
    this.#first ??= await nth(0);
    const limit = limitOf(this.#options.stream.max_rejects);
    if (!("count" in limit) || this.#taken <= limit.count) return;
    this.#taken = limit.count + 1;
    throw this.#tooMany(await nth(Math.max(0, limit.count - before)));
  }

  /** To be called at the end: `rows` are those that fit. Throws `invalid` where the share of the others is too large. */
  check(rows: number): void {
    const limit = limitOf(this.#options.stream.max_rejects);
    if (!("share" in limit)) return;
    if (this.#taken <= limit.share * (rows + this.#taken)) return;
    const { name, stream } = this.#options;
    throw new AppError(
      "invalid",
      `Stream "${name}": ${this.#taken} of ${rows + this.#taken} rows do not fit (max_rejects is ` +
        `${stream.max_rejects})${
          this.#first === undefined ? "" : `; the first: ${placeOf(this.#first)}${this.#first.reason}`
        }`,
    );
  }

  #tooMany(reject: Reject): AppError {
    const { name, stream } = this.#options;
    const more = stream.max_rejects === 0
      ? ""
      : ` (and ${this.#taken - 1} rows before it; max_rejects is ${stream.max_rejects})`;
    return new AppError("invalid", `Stream "${name}": ${placeOf(reject)}${reject.reason}${more}`, {
      detail: "max_rejects on the stream lets rows that do not fit be kept aside.",
    });
  }
}

const placeOf = ({ position }: Reject): string => position === null ? "" : `${position}: `;
