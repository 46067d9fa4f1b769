import type { KnownLoad } from "../../../contract/jobs/verify_job.ts";
import type { ComparisonResult, LoadVerification } from "../../../contract/loads/verification.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import type { Comparison } from "../loads/comparison.ts";
import { isComparable } from "../load.ts";
import { BACK } from "../loads/read_back.ts";
import type { KeptRows } from "./kept_rows.ts";

export type Judged = Omit<LoadVerification, "load" | "receipt" | "verified_at" | "duration_ms">;

/** That nobody can tell, or that nothing could be read. */
export function unjudged(verdict: "not_verifiable" | "failed", message: string): Judged {
  return {
    verdict,
    message,
    notes: [],
    expected_rows: null,
    expected_hash: null,
    found_rows: null,
    found_hash: null,
    target_rows: null,
    against_receipt: "not_compared",
    against_warehouse: "not_compared",
  };
}

/**
 * What the rows that were read back say. They are as loaded where they are those of the warehouse now; where they are
 * not, and the warehouse has changed since the load, only a target that has just the load's rows can be held against
 * the receipt.
 */
export async function judge(
  session: Pick<DuckSession, "rows">,
  comparison: Comparison,
  { counted, isAsLoaded }: KeptRows,
  known: KnownLoad | undefined,
): Promise<Judged> {
  const { extent, notCompared, hashesAsSent } = comparison;
  const [[back], expected, found] = [
    await session.rows(`SELECT count(*) AS n FROM ${BACK}`),
    await comparison.expected(counted),
    await comparison.found(),
  ];
  const targetRows = Number(back?.["n"]);
  const isEqual = extent !== "among" && found.rows === expected.rows && found.hash === expected.hash;
  const { faults, missing } = isEqual && !comparison.leavesWork
    ? { faults: [], missing: 0 }
    : await comparison.compare();
  const foundRows = extent === "among" ? expected.rows - missing : found.rows;
  const others = targetRows - foundRows;
  const notes = [
    ...(notCompared.length === 0
      ? []
      : [`${notCompared.join(", ")} not compared: systems write such values in ways of their own`]),
    ...(extent === "all" || others <= 0
      ? []
      : [`${others} other rows of the target are not this load's to verify`]),
  ];
  const facts = {
    expected_rows: counted.rows,
    expected_hash: counted.hash,
    found_rows: foundRows,
    found_hash: extent !== "among" && hashesAsSent ? found.hash : null,
    target_rows: targetRows,
  };
  if (faults.length === 0) {
    return {
      ...facts,
      verdict: "same",
      message: "The target holds what was loaded",
      notes: isAsLoaded === false
        ? [...notes, "The rows are those of the warehouse now, and not those of the last load that is known"]
        : notes,
      against_receipt: isAsLoaded === undefined ? "not_compared" : isAsLoaded ? "same" : "differs",
      against_warehouse: "same",
    };
  }
  const message = `The target does not hold what was loaded: ${faults.join("; ")}`;
  if (isAsLoaded === true) {
    return {
      ...facts,
      verdict: "differs",
      message,
      notes,
      against_receipt: "differs",
      against_warehouse: "differs",
    };
  }
  return { ...facts, notes, against_warehouse: "differs", ...withoutWarehouse(comparison, facts, known) };
}

/** The warehouse is not what was loaded: only the receipt is left. */
function withoutWarehouse(
  { extent, hashesAsSent }: Comparison,
  { found_rows: rows, found_hash: hash }: Pick<Judged, "found_rows" | "found_hash">,
  known: KnownLoad | undefined,
): Pick<Judged, "verdict" | "message" | "against_receipt"> & Partial<Judged> {
  const not = (message: string, against_receipt: ComparisonResult = "not_compared") =>
    ({ verdict: "not_verifiable", message, against_receipt }) as const;
  if (known === undefined) {
    return not(
      "No load into it is known, and it holds other rows than would be loaded now: run the pipeline first",
    );
  }
  const { receipt } = known;
  const sentHash = receipt.hash !== undefined && isComparable(receipt.hash) ? receipt.hash : undefined;
  const again = "run the pipeline, then verify";
  if (extent !== "all") {
    return not(
      `The table in the warehouse has changed since the load, and which rows were sent is not known: ${again}`,
    );
  }
  const compared = { expected_rows: receipt.rows, expected_hash: sentHash ?? null };
  if (receipt.rows !== rows || (hashesAsSent && sentHash !== undefined && sentHash !== hash)) {
    return {
      ...compared,
      verdict: "differs",
      message: receipt.rows === rows
        ? `The target's ${rows} rows are not those that the last load sent: their hash is another`
        : `The target has ${rows} rows, and the last load sent ${receipt.rows}`,
      against_receipt: "differs",
    };
  }
  if (!hashesAsSent || sentHash === undefined) {
    return not(
      `The table in the warehouse has changed since the load, and its columns are not all compared: ${again}`,
    );
  }
  return {
    ...compared,
    verdict: "same",
    message: "The target holds what the last load sent; the table in the warehouse has changed since",
    against_receipt: "same",
  };
}
