import type { Table } from "../../../contract/table.ts";
import { formatCount, formatPlural } from "../../../text/format.ts";
import { Fact } from "../facts.tsx";
import { plainText, truncate } from "../plain_text.ts";
import { RunLink } from "../runs/run_link.tsx";
import { Ago } from "../times.tsx";

/** What is said of a table beside its rows: how many, since when, how far its stream has got. */
export function TableFacts({ table, nowMs }: { table: Table; nowMs: number }) {
  const { row_count: count, columns, changed_at: changed, run, cursor } = table;
  return (
    <>
      {count !== null && <Fact name="Rows">{formatCount(count)}</Fact>}
      {columns.length > 0 && <Fact name="Columns">{formatCount(columns.length)}</Fact>}
      <Fact name="Last change">
        {changed === null ? "no run has written it yet" : (
          <>
            <Ago at={changed} nowMs={nowMs} />
            {run !== null && (
              <span>
                by run <RunLink id={run} />
              </span>
            )}
          </>
        )}
      </Fact>
      {cursor !== null && (
        <Fact name="Cursor">
          <code>{plainText(cursor.column)} = {truncate(plainText(cursor.value), 80)}</code>
        </Fact>
      )}
    </>
  );
}

/** Columns by name and type on one line, all of them on hover. */
export function ColumnLine({ table }: { table: Table }) {
  if (table.columns.length === 0) return null;
  return (
    <p class="column-line">
      {table.columns.slice(0, 30).map(({ name, type }) => (
        <span>
          <code>{plainText(name)}</code> <span class="muted">{type}</span>
        </span>
      ))}
      {table.columns.length > 30 && (
        <span class="muted">and {formatPlural(table.columns.length - 30, "more column")}</span>
      )}
    </p>
  );
}
