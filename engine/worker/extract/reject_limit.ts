import type { Reject } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { countRejects } from "../../warehouse/rejects.ts";

interface RejectSubject {
  readonly name: string;
  readonly stream: StreamDefinition;
  readonly hasMasks: boolean;
}

/** Counts the rows of one run that do not fit, up to what the stream allows. */
export class RejectLimit {
  readonly #options: RejectSubject;
  #taken: number;

  private constructor(options: RejectSubject, taken: number) {
    this.#options = options;
    this.#taken = taken;
  }

  /** Goes on from what the run has committed. */
  static async open(
    session: DuckSession,
    { name, stream, runId }: Pick<RejectSubject, "name" | "stream"> & { readonly runId: string },
  ): Promise<RejectLimit> {
    const hasMasks = Object.keys(stream.mask).length > 0;
    return new RejectLimit({ name, stream, hasMasks }, await countRejects(session, name, runId));
  }

  get taken(): number {
    return this.#taken;
  }

  /** Returns what may be kept of it. Throws `invalid` where the stream allows no more. */
  take(reject: Reject): Reject {
    const { name, stream, hasMasks } = this.#options;
    this.#taken += 1;
    const limit = stream.max_rejects;
    // Its reason and its row may tell a value that is masked.
    const kept = hasMasks
      ? {
        reason: "a row does not fit (the stream masks values, so no more is told)",
        position: reject.position,
        row: null,
      }
      : reject;
    if (this.#taken <= limit) return kept;
    const place = reject.position === null ? "" : ` ${reject.position}:`;
    const more = limit === 0 ? "" : ` (and ${this.#taken - 1} rows before it; max_rejects is ${limit})`;
    throw new AppError("invalid", `Stream "${name}":${place} ${kept.reason}${more}`, {
      detail: "max_rejects on the stream lets rows that do not fit be kept aside.",
    });
  }
}
