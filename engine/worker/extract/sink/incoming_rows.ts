import type { Cursor } from "../../../../contract/connector/source.ts";
import type { StreamDefinition } from "../../../../contract/pipeline/stream.ts";
import type { ChildTable } from "../../../../contract/pipeline/child_tables.ts";
import { SplitIncoming } from "../../../warehouse/children/child_rows.ts";
import type { DuckSession } from "../../../duckdb/session.ts";
import { appendAllRows, appendNewRows, dropOlderRows, mergeRows } from "../../../warehouse/raw_rows.ts";
import { incomingTable } from "../../../warehouse/raw_table.ts";
import type { ContractReport } from "../../../warehouse/stream_contract.ts";
import type { AskedRange } from "../read_window.ts";
import type { StreamRejects } from "../stream_rejects.ts";

/** What new rows of a stream that keeps its old ones are put beside. */
export interface Held {
  readonly session: DuckSession;
  readonly name: string;
  readonly stream: StreamDefinition;
  /** Rows that are read again. */
  readonly again: AskedRange | undefined;
  readonly cursor: Cursor | undefined;
  /** Where the read began: the cursor, or what lies before it. */
  readonly from: Cursor | undefined;
  /** Whether the source itself knows which rows are new. */
  readonly hasSourceState: boolean;
}

/** Puts the rows of the stream's incoming table into its table, as its mode says, and removes the former. */
export async function putIncoming(held: Held, contract: ContractReport): Promise<void> {
  await putRows(held, contract);
  await held.session.run(`DROP TABLE ${incomingTable(held.name)}`);
}

/**
 * The same for a stream with child tables, which get the arrays of those rows that the stream's own table takes. `told`
 * gives the report of a child table. Returns the child tables that got rows.
 */
export async function putIncomingSplit(
  held: Held,
  contract: ContractReport,
  told: (child: ChildTable) => ContractReport,
): Promise<readonly ChildTable[]> {
  const split = await SplitIncoming.split(held);
  await putRows(held, split.told(contract));
  const filled = await split.put(told);
  await held.session.run(`DROP TABLE ${incomingTable(held.name)}`);
  return filled;
}

async function putRows(held: Held, contract: ContractReport): Promise<void> {
  const { session, name, stream, again, cursor, from, hasSourceState } = held;
  const incoming = incomingTable(name);
  if (stream.mode === "incremental") {
    if (again !== undefined) await dropOlderRows(session, name, stream, incoming);
    await mergeRows(session, name, stream, incoming, contract);
  } else if (again !== undefined) {
    const { isRange: _, ...until } = again.until;
    const range = { cursor: until, from: again.from };
    await appendNewRows(session, name, stream, incoming, again.from.column, range, contract);
  } else if (hasSourceState || stream.update_key === undefined) {
    await appendAllRows(session, name, stream, incoming, contract);
  } else {
    const known = cursor === undefined ? undefined : { cursor, from };
    await appendNewRows(session, name, stream, incoming, stream.update_key, known, contract);
  }
}

/**
 * What the contract does to new rows is told, and rows that it discards are kept aside. `table` is the child table whose
 * rows they are, where they are not the stream's own.
 */
export function reportContract(
  rejects: StreamRejects,
  onWarning: (message: string) => void,
  onMissing: (columns: readonly string[]) => void,
  table?: string,
): ContractReport {
  const where = table === undefined ? "" : `${table}: `;
  return {
    missing: onMissing,
    valuesLeft: (column, count, why) => {
      const values = count === 1 ? "1 value is" : `${count} values are`;
      onWarning(`${where}Column "${column}": ${values} not stored, as the contract says: ${why}`);
    },
    setAside: async (kept) => {
      const count = await rejects.takeByContract(kept, where);
      onWarning(`${where}${count === 1 ? "1 row is" : `${count} rows are`} kept aside, as the contract says`);
    },
  };
}
