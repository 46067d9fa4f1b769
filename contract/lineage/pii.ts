import * as v from "valibot";
import { isSameName, nameKey } from "../sql.ts";
import type { ColumnAddress, ColumnLineage, PipelineLineage, TableLineage } from "./lineage.ts";

/** Personal data: which columns hold it, and where it may go. */

const PII_RULES = ["forbid", "warn", "allow"] as const;
export type PiiRule = (typeof PII_RULES)[number];

const ruleSchema = v.picklist(PII_RULES);

export const piiRulesSchema = v.strictObject({
  default: v.optional(
    v.pipe(ruleSchema, v.description("For connectors that are not named below; forbid unless given.")),
  ),
  destinations: v.optional(
    v.pipe(
      v.record(v.pipe(v.string(), v.nonEmpty("expected a connector's name")), ruleSchema),
      v.description("For loads by a connector: forbid is a fault, warn a warning."),
    ),
  ),
});
export type PiiRules = v.InferOutput<typeof piiRulesSchema>;

/** What somebody has said of a column. */
export interface PiiDeclaration {
  readonly pii: boolean;
  /** Why it holds none though it is made of what does. */
  readonly reason?: string;
}

/** By the table's id and the column's key. */
export type PiiDeclarations = ReadonlyMap<string, ReadonlyMap<string, PiiDeclaration>>;

/** By their names as they are written. */
export function declarationsOf(
  columns: Iterable<readonly [string, PiiDeclaration]>,
): ReadonlyMap<string, PiiDeclaration> {
  return new Map([...columns].map(([name, declaration]) => [nameKey(name), declaration]));
}

/** Rounds until nothing is added: tables may read themselves. */
const MOST_ROUNDS = 20;

/**
 * Marks the columns that hold personal data: those that are declared so, and all that are made of them but by a way that
 * hides the value. Where it is not known what a table's columns are made of, they all hold it if anything that it reads does.
 */
export function markPii(lineage: PipelineLineage, declarations: PiiDeclarations): PipelineLineage {
  const marked = new Set<string>();
  const hasMarked = new Set<string>();
  const isMarked = (table: TableLineage, column: ColumnLineage): boolean => {
    const declared = declarations.get(table.id)?.get(nameKey(column.name));
    if (declared !== undefined) return declared.pii;
    if (table.unknown !== undefined && table.reads.some((id) => hasMarked.has(id))) return true;
    return column.sources.some((source) => source.hidden !== true && marked.has(keyOf(source)));
  };
  let size = -1;
  for (let round = 0; round < MOST_ROUNDS && size !== marked.size; round += 1) {
    size = marked.size;
    for (const table of lineage.tables) {
      for (const column of table.columns) {
        if (!isMarked(table, column)) continue;
        marked.add(keyOf({ table: table.id, column: column.name }));
        hasMarked.add(table.id);
      }
    }
  }
  return {
    tables: lineage.tables.map((table) => ({
      ...table,
      columns: table.columns.map((column) => {
        const declared = declarations.get(table.id)?.get(nameKey(column.name));
        return {
          ...column,
          ...(marked.has(keyOf({ table: table.id, column: column.name })) ? { pii: true } : {}),
          ...(declared === undefined ? {} : { pii_declared: declared }),
        };
      }),
    })),
  };
}

/** Personal data on its way to where it may not go. */
export interface PiiBreach {
  readonly rule: Exclude<PiiRule, "allow">;
  /** A target. */
  readonly table: TableLineage;
  /** The target's columns that hold it. */
  readonly columns: readonly string[];
  /** How the first of them came by it: from the column that is declared to that of the target. */
  readonly way: readonly ColumnAddress[];
}

export function ruleFor(
  connector: string,
  { default: other = "forbid", destinations = {} }: PiiRules,
): PiiRule {
  return Object.hasOwn(destinations, connector) ? destinations[connector] ?? other : other;
}

/** What the rules forbid or warn of, in the order of the targets. */
export function piiBreaches(lineage: PipelineLineage, rules: PiiRules): PiiBreach[] {
  const byId = new Map(lineage.tables.map((table) => [table.id, table]));
  return lineage.tables.flatMap((table): PiiBreach[] => {
    if (table.kind !== "target") return [];
    const rule = ruleFor(table.connector ?? "", rules);
    const columns = table.columns.filter(({ pii }) => pii === true).map(({ name }) => name);
    const [first] = columns;
    if (rule === "allow" || first === undefined) return [];
    return [{ rule, table, columns, way: wayTo({ table: table.id, column: first }, byId) }];
  });
}

/** From where it is declared, the shortest way. */
function wayTo(end: ColumnAddress, tables: ReadonlyMap<string, TableLineage>): ColumnAddress[] {
  const seen = new Set<string>();
  let open: (readonly ColumnAddress[])[] = [[end]];
  let last: readonly ColumnAddress[] = [end];
  while (open.length > 0) {
    const next: (readonly ColumnAddress[])[] = [];
    for (const way of open) {
      const [at] = way;
      if (at === undefined || seen.has(keyOf(at))) continue;
      seen.add(keyOf(at));
      last = way;
      const table = tables.get(at.table);
      const column = table?.columns.find(({ name }) => isSameName(name, at.column));
      if (column?.pii_declared?.pii === true) return [...way];
      for (const source of sourcesWithPii(table, column, tables)) {
        next.push([{ table: source.table, column: source.column }, ...way]);
      }
    }
    open = next;
  }
  return [...last];
}

function sourcesWithPii(
  table: TableLineage | undefined,
  column: ColumnLineage | undefined,
  tables: ReadonlyMap<string, TableLineage>,
): readonly ColumnAddress[] {
  if (table?.unknown !== undefined) {
    return table.reads.flatMap((id) =>
      (tables.get(id)?.columns ?? []).filter(({ pii }) => pii === true).map(({ name }) => ({
        table: id,
        column: name,
      }))
    );
  }
  return (column?.sources ?? []).filter((source) =>
    source.hidden !== true &&
    tables.get(source.table)?.columns.some(({ name, pii }) => name === source.column && pii === true)
  );
}

const keyOf = ({ table, column }: ColumnAddress): string => `${table}\0${column}`;
