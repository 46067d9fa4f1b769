import { AppError } from "../../../contract/errors.ts";
import type { LoadDefinition } from "../../../contract/pipeline/load.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import type { TargetSource } from "../connections.ts";
import { Comparison } from "./comparison.ts";
import { BACK, forgetBack } from "./read_back.ts";
import type { RowsToLoad } from "./rows_to_load.ts";

export interface VerifyContext {
  readonly session: DuckSession;
  readonly signal: AbortSignal;
  readonly load: LoadDefinition;
  /** Heads messages, as `t of warehouse`. */
  readonly subject: string;
}

export interface Verified {
  /** Rows that the target has. */
  readonly rows: number;
  /** Columns that were left out, since systems write their values in ways of their own. */
  readonly notCompared: readonly string[];
}

/**
 * Reads the target back and compares it with the rows that were to be loaded, in the warehouse's types: all of
 * it in a `replace` and where a merge deletes what is missing, else what the load is about (its keys, partitions,
 * current versions; of an `append` that its rows are there). Throws `conflict` with what differs.
 */
export async function verifyLoad(
  { session, signal, load, subject }: VerifyContext,
  target: TargetSource,
  chosen: RowsToLoad,
): Promise<Verified> {
  try {
    const comparison = await Comparison.of(session, load, chosen, target, signal);
    const { faults } = await comparison.compare();
    if (faults.length > 0) throw differs(subject, faults.join("; "));
    const [counted] = await session.rows(`SELECT count(*) AS n FROM ${BACK}`);
    return { rows: Number(counted?.["n"]), notCompared: comparison.notCompared };
  } finally {
    await forgetBack(session);
  }
}

function differs(subject: string, what: string): AppError {
  return new AppError(
    "conflict",
    `${subject} does not hold what was loaded: ${what}. The load itself is done; see who else writes there, ` +
      "or load it anew",
    { reason: "not_verified" },
  );
}
