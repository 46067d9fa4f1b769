import type { ChangesMessage, ChangeTransaction } from "../../../contract/connector/changes.ts";
import { AppError } from "../../../contract/errors.ts";
import type { ChangeBuffer } from "./change_buffer.ts";
import { EVENT, inflate } from "./log/log_event.ts";
import { lost } from "./log/server.ts";
import type { ChangedRow, PhysicalColumn, RowsEvent, RowsKind, TableMap } from "./log/table_map.ts";
import { hasOldTime } from "./logged_types.ts";
import type { TableLog } from "./table_log.ts";
import type { ServerTexts } from "./values/server_texts.ts";

/** The events that have rows, by their types. */
export const ROWS: Readonly<Record<number, RowsKind>> = {
  [EVENT.writeRowsV1]: { operation: "write", hasExtra: false, inflate: undefined },
  [EVENT.updateRowsV1]: { operation: "update", hasExtra: false, inflate: undefined },
  [EVENT.deleteRowsV1]: { operation: "delete", hasExtra: false, inflate: undefined },
  [EVENT.writeRows]: { operation: "write", hasExtra: true, inflate: undefined },
  [EVENT.updateRows]: { operation: "update", hasExtra: true, inflate: undefined },
  [EVENT.deleteRows]: { operation: "delete", hasExtra: true, inflate: undefined },
  [EVENT.writeRowsCompressedV1]: { operation: "write", hasExtra: false, inflate },
  [EVENT.updateRowsCompressedV1]: { operation: "update", hasExtra: false, inflate },
  [EVENT.deleteRowsCompressedV1]: { operation: "delete", hasExtra: false, inflate },
  [EVENT.writeRowsCompressed]: { operation: "write", hasExtra: true, inflate },
  [EVENT.updateRowsCompressed]: { operation: "update", hasExtra: true, inflate },
  [EVENT.deleteRowsCompressed]: { operation: "delete", hasExtra: true, inflate },
};

/**
 * The changes of one event, whose columns are known to be those of the table: how many rows, and the messages that
 * become full. Throws `invalid` for rows that are not whole.
 */
export async function changesOf(
  { columns: physical }: TableMap,
  event: RowsEvent,
  log: TableLog,
  texts: ServerTexts,
  transaction: ChangeTransaction,
): Promise<{ readonly count: number; messages(): Generator<ChangesMessage, void, undefined> }> {
  const { action } = log.latest.table;
  if (hasOldTime(physical, log.facts.columns)) {
    throw new AppError(
      "invalid",
      `${action}: it has times in the form of an older MariaDB, which the log does not describe; run ALTER TABLE … ` +
        "FORCE with mysql56_temporal_format = ON",
    );
  }
  const buffer = log.buffer(texts);
  const rows = [...event.rows(physical)];
  const { columns } = buffer.logged;
  for (const image of rows.flatMap(({ before, after }) => [before, after])) {
    if (image === undefined || columns.every(({ place }) => image[place] !== undefined)) continue;
    throw lost(
      action,
      `the server's log has in the transaction at ${transaction.position} a row without all of its columns: a ` +
        "session had another binlog_row_image than FULL",
    );
  }
  await learn(texts, buffer, physical, rows);
  return {
    count: rows.length,
    *messages() {
      for (const row of rows) yield* addRow(buffer, row, physical, transaction);
    },
  };
}

async function learn(
  texts: ServerTexts,
  { logged: { columns } }: ChangeBuffer,
  physical: readonly PhysicalColumn[],
  rows: readonly ChangedRow[],
): Promise<void> {
  const known = columns.flatMap((column) => {
    const kind = physical[column.place];
    return kind === undefined ? [] : [{ column, physical: kind }];
  });
  await texts.learn(known, (place) =>
    rows.flatMap(({ before, after }) => [before?.[place], after?.[place]])
      .filter((value) => value !== undefined && value !== null));
}

function addRow(
  buffer: ChangeBuffer,
  { before, after }: ChangedRow,
  physical: readonly PhysicalColumn[],
  transaction: ChangeTransaction,
): ChangesMessage[] {
  if (before !== undefined && after !== undefined) return buffer.update(before, after, physical, transaction);
  if (after !== undefined) return buffer.add("insert", after, physical, transaction);
  return buffer.add("delete", before, physical, transaction);
}
