import { type Case, type Difference, type Report, type RoundOptions, runRound, showTable } from "./round.ts";

/** What a round found, for a person: each failure once, in the smallest form that still fails. */

/** A column of a table, or a table as a whole, that differs at one destination or several. */
interface Failure {
  readonly first: Difference;
  readonly destinations: readonly string[];
}

/** So many failures of one round are looked at closer. */
const MOST_SHRUNK = 6;

export interface FailureOptions extends Omit<RoundOptions, "what"> {
  /** An empty folder, and systems, for the smaller forms. */
  readonly smaller: Pick<RoundOptions, "folder" | "systems">;
}

/** Describes the report's differences; runs Sluice once more on smaller forms of the tables. */
export async function describeFailures(report: Report, options: FailureOptions): Promise<string> {
  const failures = failuresOf(report.differences);
  const cases = failures.slice(0, MOST_SHRUNK).flatMap(({ first }, index) =>
    smallerForms(first, options.folder, `s${index}`)
  );
  const again = await runRound({ python: options.python, ...options.smaller, what: { cases } });
  const lines = failures.map(({ first, destinations }) => {
    const where = first.column === "" ? "" : `, column ${JSON.stringify(first.column)}, row ${first.row}`;
    return `${first.table} → ${destinations.join(", ")}${where}: ${first.what}`;
  });
  for (const index of failures.slice(0, MOST_SHRUNK).keys()) {
    const smallest = cases.find(({ name }) =>
      name.startsWith(`s${index}_`) && again.differences.some(({ table }) => table === name)
    );
    const { folder, table } = smallest === undefined
      ? { folder: options.folder, table: failures[index]?.first.table ?? "" }
      : { folder: options.smaller.folder, table: smallest.name };
    const told = again.differences.find((difference) => difference.table === table)?.what ??
      "differs only beside its other tables";
    lines.push(`\n${table}: ${told}\n${await showTable(options.python, folder, table)}`);
  }
  return `${lines.join("\n")}\n\nThe projects are in ${options.folder} and ${options.smaller.folder}`;
}

function failuresOf(differences: readonly Difference[]): Failure[] {
  const byPlace = Map.groupBy(
    differences,
    ({ table, column, what, row }) =>
      JSON.stringify([table, column, row === 0 ? what.replace(/^\S+/, "") : ""]),
  );
  return [...byPlace.values()].flatMap((same) => {
    const [first] = same;
    return first === undefined ? [] : [{ first, destinations: same.map(({ destination }) => destination) }];
  });
}

/** The smallest first: the value alone, then all of its column, then all of its row. */
function smallerForms(
  { table, destination, column, row, columns, rows }: Difference,
  from: string,
  name: string,
): Case[] {
  const all = Array.from({ length: rows }, (_, index) => index + 1);
  const rowsOf = row === 0 ? [[1], all] : [[row]];
  const columnsOf = column === "" ? columns.map((one) => [one]) : [[column]];
  const to = destination === "extract" ? "parquet" : destination;
  const forms = rowsOf.flatMap((some) => columnsOf.map((one) => ({ columns: one, rows: some })));
  return forms.filter(({ rows }) => rows.length > 0).map((form, index) => ({
    from,
    table,
    destination: to,
    ...form,
    name: `${name}_${index}`,
  }));
}
