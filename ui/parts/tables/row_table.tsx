import type { TableColumn, TablePreview } from "../../../contract/table.ts";
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

/** Each column with its type and what it is. */
export function ColumnTable({ columns }: { columns: readonly TableColumn[] }) {
  const isDescribed = columns.some(({ description }) => description !== null);
  return (
    <div class="table-scroll" tabindex={0} role="region" aria-label="Columns">
      <table class="data">
        <thead>
          <tr>
            <th scope="col">Column</th>
            <th scope="col">Type</th>
            {isDescribed && <th scope="col">Description</th>}
          </tr>
        </thead>
        <tbody>
          {columns.map(({ name, type, description }) => (
            <tr>
              <th scope="row">{plainText(name)}</th>
              <td>{type}</td>
              {isDescribed && <td class="about">{plainText(description ?? "")}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
