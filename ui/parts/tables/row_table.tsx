import type { TableColumn, TablePreview } from "../../../contract/table.ts";
import { isSameName } from "../../../contract/sql.ts";
import { ColumnSources } from "../lineage/column_sources.tsx";
import type { TableAround } from "../lineage/table_around.tsx";
import { plainText } from "../plain_text.ts";

const NUMBERS = /^(?:U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|FLOAT|DOUBLE|DECIMAL\b.*)$/;

/** The first rows under their columns; the numbers' side is the right one. */
export function RowTable({ table }: { table: Pick<TablePreview, "name" | "columns" | "rows"> }) {
  const isNumber = table.columns.map(({ type }) => NUMBERS.test(type));
  return (
    <div class="table-scroll" tabindex={0} role="region" aria-label={`First rows of ${table.name}`}>
      <table class="data">
        <thead>
          <tr>
            {table.columns.map(({ name, type, description }, index) => (
              <th
                scope="col"
                class={isNumber[index] ? "number" : undefined}
                title={description === null ? undefined : plainText(description)}
              >
                {plainText(name)} <span>{type}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => (
            <tr>
              {row.map((cell, index) => (
                <td
                  class={isNumber[index] ? "number" : undefined}
                  title={cell !== null && cell.length > 40 ? plainText(cell) : undefined}
                >
                  {cell === null ? <span class="null">NULL</span> : plainText(cell)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Each column with its type, what it is, and what it is made of where that is known. */
export function ColumnTable(
  { columns, around }: { readonly columns: readonly TableColumn[]; readonly around?: TableAround },
) {
  const isDescribed = columns.some(({ description }) => description !== null);
  const lineageOf = (name: string) => around?.table.columns.find((column) => isSameName(column.name, name));
  const hasSources = columns.some(({ name }) => (lineageOf(name)?.sources.length ?? 0) > 0);
  return (
    <div class="table-scroll" tabindex={0} role="region" aria-label="Columns">
      <table class="data stacks">
        <thead>
          <tr>
            <th scope="col">Column</th>
            <th scope="col">Type</th>
            {isDescribed && <th scope="col">Description</th>}
            {hasSources && <th scope="col">Made of</th>}
          </tr>
        </thead>
        <tbody>
          {columns.map(({ name, type, description }) => {
            const lineage = lineageOf(name);
            return (
              <tr>
                <th scope="row">
                  {plainText(name)}
                  {lineage?.pii === true && <span class="tag pii" title="Personal data">pii</span>}
                </th>
                <td data-head="Type">{type}</td>
                {isDescribed && <td class="about" data-head="Description">{plainText(description ?? "")}</td>}
                {hasSources && (
                  <td class="about" data-head="Made of">
                    {lineage !== undefined && around !== undefined && (
                      <ColumnSources column={lineage} tables={around.tables} links={around.links} />
                    )}
                  </td>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
