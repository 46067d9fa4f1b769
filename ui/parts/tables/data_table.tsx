import type { Child } from "hono/jsx";

interface DataTableProps {
  /** What it is a table of, for who does not see it. */
  readonly label: string;
  /** The columns' heads; one that is a number says so. */
  readonly heads: readonly (string | { readonly number: string })[];
  /** Whether each row is put below the other where the window is narrow: its cells have their head as `data-head`. */
  readonly stacks?: boolean;
  /** The rows. */
  readonly children: Child;
}

/** A table on a card of its own, which scrolls where it is too wide. */
export function DataTable({ label, heads, stacks = false, children }: DataTableProps) {
  return (
    <div class="card">
      <div class="table-scroll" tabindex={0} role="region" aria-label={label}>
        <table class={stacks ? "data stacks" : "data"}>
          <thead>
            <tr>
              {heads.map((head) =>
                typeof head === "string"
                  ? <th scope="col">{head}</th>
                  : <th scope="col" class="number">{head.number}</th>
              )}
            </tr>
          </thead>
          <tbody>{children}</tbody>
        </table>
      </div>
    </div>
  );
}
