import type {
  ColumnInfluence,
  ColumnLineage,
  ColumnSource,
  PipelineLineage,
  TableLineage,
} from "../../../contract/lineage/lineage.ts";
import { formatPlural } from "../../../text/format.ts";
import { type ColumnSpec, formatTable } from "../table.ts";
import { oneLine, printable } from "../text.ts";

/** How lineage reads on a terminal. */

/** What a table is called: a model by its name alone, what is elsewhere by its connector. */
export function tableLabel({ id, pipeline, kind, name, connector, address }: TableLineage): string {
  if (kind === "model") return pipeline === undefined ? name : `${pipeline}.${name}`;
  if (kind === "stream" && pipeline !== undefined) return `${pipeline}.raw.${name}`;
  if (kind === "stream") return id;
  const label = `${connector}: ${address === "" ? name : address}`;
  return pipeline === undefined ? label : `${label} in ${pipeline}`;
}

/** `daily.revenue`; of what is elsewhere `amount of shop: public.orders`. */
function columnLabel(table: TableLineage | undefined, id: string, column: string): string {
  if (table === undefined) return `${id}.${column}`;
  const isHere = table.kind === "model" || table.kind === "stream";
  return isHere ? `${tableLabel(table)}.${column}` : `${column} of ${tableLabel(table)}`;
}

/** All tables, each behind those that it reads. */
export function formatTables({ tables }: PipelineLineage, width: number | undefined): string {
  const byId = new Map(tables.map((table) => [table.id, tableLabel(table)]));
  return formatTable(
    [{ title: "TABLE", minWidth: 16 }, { title: "KIND" }, { title: "COLUMNS", align: "right" }, {
      title: "READS",
      minWidth: 16,
    }, { title: "NOTE", minWidth: 16 }],
    tables.map((table) => [
      tableLabel(table),
      table.kind,
      String(table.columns.length),
      table.reads.map((id) => byId.get(id) ?? id).join(", "),
      noteOf(table),
    ]),
    width,
  );
}

function noteOf({ unknown, columns }: TableLineage): string {
  const count = columns.filter(({ pii }) => pii === true).length;
  return [
    ...(count === 0 ? [] : [`pii in ${formatPlural(count, "column")}`]),
    ...(unknown === undefined ? [] : [`not known: ${unknown}`]),
  ].join("; ");
}

const COLUMN_HEADS: readonly ColumnSpec[] = [
  { title: "COLUMN", minWidth: 12 },
  { title: "FROM", minWidth: 20 },
  { title: "TYPE", minWidth: 10, mayGo: true },
];

/** A table with where each of its columns comes from. */
export function formatTableColumns(
  table: TableLineage,
  { tables }: PipelineLineage,
  width: number | undefined,
): string {
  const labels = labelsOf(tables);
  const hasPii = table.columns.some((column) => piiText(column) !== "");
  const columns = formatTable(
    [...COLUMN_HEADS, ...hasPii ? [{ title: "PII", minWidth: 8 }] : []],
    table.columns.map((column) => [
      column.name,
      column.sources.length === 0
        ? influencesText(column.influences ?? [], labels)
        : column.sources.map((source) => sourceText(source, labels)).join(", "),
      column.type ?? "",
      ...hasPii ? [piiText(column)] : [],
    ]),
    width,
  );
  const readers = tables.filter(({ reads }) => reads.includes(table.id)).map(tableLabel);
  return [
    headOf(table),
    columns,
    ...factsOf(table, labels),
    ...(readers.length === 0 ? [] : [`Read by ${oneLine(readers.join(", "))}`]),
  ].join("\n\n");
}

/** A column with all that it is made of, or that is made of it, as a tree. */
export function formatColumn(
  table: TableLineage,
  column: ColumnLineage,
  lineage: PipelineLineage,
  direction: "upstream" | "downstream" | "both",
): string {
  const labels = labelsOf(lineage.tables);
  const parts: string[] = [
    oneLine(
      `${columnLabel(table, table.id, column.name)}${column.type === undefined ? "" : `  ${column.type}`}${
        markOf(column)
      }`,
    ),
  ];
  if (direction !== "downstream") {
    const branches = upstreamBranches(column, lineage, new Set());
    parts.push(
      section(
        "Made of",
        branches,
        table.unknown === undefined ? "nothing: it is computed here" : `not known: ${table.unknown}`,
      ),
    );
    const deciding = influencesText(column.influences ?? [], labels);
    if (deciding !== "") parts.push(`Its value depends on ${deciding}`);
    parts.push(...factsOf(table, labels));
  }
  if (direction !== "upstream") {
    parts.push(
      section("Goes into", downstreamBranches(table.id, column.name, lineage, new Set()), "nothing"),
    );
  }
  return printable(parts.join("\n\n"));
}

interface Branch {
  readonly text: string;
  readonly branches: readonly Branch[];
}

function upstreamBranches(
  column: ColumnLineage,
  lineage: PipelineLineage,
  path: ReadonlySet<string>,
): Branch[] {
  return column.sources.map((source): Branch => {
    const from = lineage.tables.find(({ id }) => id === source.table);
    const found = from?.columns.find(({ name }) => name === source.column);
    const key = keyOf(source);
    const text = oneLine(
      `${columnLabel(from, source.table, source.column)}  ${wayText(source)}${markOf(found)}`,
    );
    if (from === undefined || found === undefined || path.has(key)) return { text, branches: [] };
    const branches = upstreamBranches(found, lineage, new Set([...path, key]));
    const note = from.unknown === undefined || from.kind !== "model"
      ? ""
      : `  (not known further: ${from.unknown})`;
    return { text: text + oneLine(note), branches };
  });
}

function downstreamBranches(
  table: string,
  column: string,
  lineage: PipelineLineage,
  path: ReadonlySet<string>,
): Branch[] {
  return lineage.tables.flatMap((reader) => {
    const found = reader.columns.flatMap((one): Branch[] => {
      const source = one.sources.find((source) => source.table === table && source.column === column);
      if (source === undefined) return [];
      const key = keyOf({ table: reader.id, column: one.name });
      const branches = path.has(key)
        ? []
        : downstreamBranches(reader.id, one.name, lineage, new Set([...path, key]));
      return [{
        text: oneLine(`${columnLabel(reader, reader.id, one.name)}  ${wayText(source)}${markOf(one)}`),
        branches,
      }];
    });
    const isUnknown = reader.unknown !== undefined && reader.kind === "model" && reader.reads.includes(table);
    const perhaps = { text: oneLine(`${tableLabel(reader)}  perhaps: ${reader.unknown}`), branches: [] };
    return isUnknown ? [...found, perhaps] : found;
  });
}

const keyOf = ({ table, column }: { table: string; column: string }): string => `${table}\0${column}`;

function section(title: string, branches: readonly Branch[], empty: string): string {
  return branches.length === 0 ? `${title} ${empty}` : `${title}\n${drawn(branches, "").join("\n")}`;
}

function drawn(branches: readonly Branch[], indent: string): string[] {
  return branches.flatMap(({ text, branches: inner }, index) => {
    const isLast = index === branches.length - 1;
    return [
      `${indent}${isLast ? "└─ " : "├─ "}${text}`,
      ...drawn(inner, `${indent}${isLast ? "   " : "│  "}`),
    ];
  });
}

function headOf(table: TableLineage): string {
  const where = table.connector === undefined ? "" : ` of the connector ${table.connector}`;
  return oneLine(`${tableLabel(table)}: a ${table.kind}${where}`);
}

function factsOf(table: TableLineage, labels: Labels): string[] {
  const rows = influencesText(table.influences, labels);
  return [
    ...(rows === "" ? [] : [`Its rows depend on ${rows}`]),
    ...(table.unknown === undefined ? [] : [`Where its columns come from is not known: ${table.unknown}`]),
  ];
}

function influencesText(influences: readonly ColumnInfluence[], labels: Labels): string {
  return oneLine(
    influences.map(({ table, column, influences: kinds }) =>
      `${labels({ table, column })} (${kinds.join(", ")})`
    ).join(", "),
  );
}

function sourceText(source: ColumnSource, labels: Labels): string {
  const name = labels(source);
  return source.way === "direct" ? name : `${name} (${wayText(source)})`;
}

const markOf = (column: ColumnLineage | undefined): string => column?.pii === true ? "  pii" : "";

/** `yes`, `no: why`, or nothing where nobody has said a thing. */
function piiText({ pii, pii_declared: declared }: ColumnLineage): string {
  if (pii === true) return "yes";
  return declared === undefined ? "" : oneLine(`no: ${declared.reason ?? ""}`);
}

function wayText({ way, hidden }: ColumnSource): string {
  const word = way === "direct" ? "copied" : way;
  return hidden === true ? `${word}, its values hidden` : word;
}

type Labels = (address: { readonly table: string; readonly column: string }) => string;

function labelsOf(tables: readonly TableLineage[]): Labels {
  const byId = new Map(tables.map((table) => [table.id, table]));
  return ({ table, column }) => columnLabel(byId.get(table), table, column);
}
