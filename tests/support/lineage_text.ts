import {
  type ColumnInfluence,
  type ColumnSource,
  INFLUENCES,
  type Way,
} from "../../contract/lineage/lineage.ts";
import type { QueryLineage } from "../../sql/lineage/model_lineage.ts";

const MARKS: Readonly<Record<Way, string>> = { direct: "=", transformed: "~", aggregated: "+" };

/** What a column is called in a test. */
type Naming = (address: { readonly table: string; readonly column: string }) => string;

/**
 * The lineage of a query in lines, one a column: `total: +price ~rate | window day`, and behind them `| filter day; join id` for its
 * rows. `=` is a copy, `~` an expression, `+` an aggregate, `#` hidden.
 */
export function lineageText(
  lineage: QueryLineage,
  columns: readonly { readonly name: string }[],
  nameOf: Naming,
): string {
  const lines = lineage.columns.map(({ sources, influences }, index) => {
    const from = sources.map((source) => markOf(source) + nameOf(source)).join(" ");
    const by = influencesText(influences, nameOf);
    return `${columns[index]?.name}: ${from}${by === "" ? "" : ` | ${by}`}`.trimEnd();
  });
  return [...lines, `| ${influencesText(lineage.influences, nameOf)}`.trimEnd()].join("\n");
}

const markOf = ({ way, hidden }: ColumnSource): string => hidden === true ? "#" : MARKS[way];

function influencesText(influences: readonly ColumnInfluence[], nameOf: Naming): string {
  return INFLUENCES.flatMap((kind) => {
    const columns = influences.filter((one) => one.influences.includes(kind)).map(nameOf);
    return columns.length === 0 ? [] : [`${kind} ${columns.join(" ")}`];
  }).join("; ");
}
