import { isSameName } from "../../contract/sql.ts";
import {
  calledBy,
  ctesAt,
  readScopes,
  relationNamed,
  relationsAt,
  type SqlName,
  type SqlRange,
  type SqlRelation,
  type SqlScope,
  type SqlWord,
  sqlWords,
  unquoted,
} from "./read_scopes.ts";

/** Where a text names a table. */
export interface TableUses {
  /** The last part of its name, each time: where it is read, and where it stands before a column. */
  readonly names: readonly SqlRange[];
  /** Where it is read. */
  readonly relations: readonly SqlRelation[];
  /** Words that mean the whole row of the table, unless a column is called so. */
  readonly rows: readonly SqlRange[];
}

/** A name with all that stands behind it with dots, as `raw.orders.day`. */
export interface SqlChain extends SqlRange {
  readonly words: readonly SqlWord[];
  readonly parts: readonly string[];
  /** A bracket follows: the last part is a function. */
  readonly isCall: boolean;
}

/** Names of a text in their order, with the parts that belong together; `*` may be the last part. */
export function chainsOf(sql: string): SqlChain[] {
  const words = sqlWords(sql);
  const chains: SqlChain[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const first = words[at];
    if (first === undefined || !first.isName) continue;
    const own = [first];
    while (words[at + 1]?.text === ".") {
      const next = words[at + 2];
      if (next === undefined || !(next.isName || next.text === "*")) break;
      own.push(next);
      at += 2;
    }
    chains.push({
      words: own,
      parts: own.map(({ text }) => unquoted(text)),
      start: first.start,
      end: own.at(-1)?.end ?? first.end,
      isCall: words[at + 1]?.text === "(",
    });
  }
  return chains;
}

/** Where a text names the table of whose names `isOf` is true, and no common table expression hides it. */
export function tableUses(sql: string, isOf: (parts: readonly string[]) => boolean): TableUses {
  const scopes = readScopes(sql);
  const isTable = ({ name, isCall }: SqlRelation): boolean =>
    name !== undefined && !isCall && isOf(name.parts) && !isCte(scopes, name);
  return usesOf(sql, scopes, isTable);
}

/** Where a text names the common table expression whose own name begins at an offset; its own name is none of the uses. */
export function cteUses(sql: string, scopes: readonly SqlScope[], nameStart: number): TableUses {
  return usesOf(sql, scopes, ({ name, isCall }) => {
    if (name === undefined || isCall || name.parts.length !== 1) return false;
    const cte = ctesAt(scopes, name.start).find((one) =>
      isSameName(one.name.parts[0] ?? "", name.parts[0] ?? "")
    );
    return cte?.name.start === nameStart;
  });
}

/** Where a text names a relation by its alias, which is none of the uses itself. */
export function aliasUses(sql: string, scopes: readonly SqlScope[], alias: SqlName): TableUses {
  const uses = qualifiersOf(sql, scopes, (relation) => relation.alias?.start === alias.start);
  return { ...uses, relations: [] };
}

const isCte = (scopes: readonly SqlScope[], { parts, start }: SqlName): boolean =>
  parts.length === 1 &&
  ctesAt(scopes, start).some((cte) => isSameName(cte.name.parts[0] ?? "", parts[0] ?? ""));

function usesOf(
  sql: string,
  scopes: readonly SqlScope[],
  isTable: (relation: SqlRelation) => boolean,
): TableUses {
  const relations = scopes.flatMap(({ selects }) => selects.flatMap((select) => select.relations)).filter(
    isTable,
  );
  const read = relations.flatMap(({ name }) => name === undefined ? [] : [lastPart(sql, name)]);
  const { names, rows } = qualifiersOf(
    sql,
    scopes,
    (relation) => relation.alias === undefined && isTable(relation),
  );
  const once = new Map([...read, ...names].map((range) => [range.start, range]));
  return { names: [...once.values()].toSorted((a, b) => a.start - b.start), relations, rows };
}

function lastPart(sql: string, { start, end }: SqlName): SqlRange {
  const word = sqlWords(sql.slice(start, end)).at(-1);
  return word === undefined ? { start, end } : { start: start + word.start, end: start + word.end };
}

/** Names before columns that mean one of the relations. */
function qualifiersOf(
  sql: string,
  scopes: readonly SqlScope[],
  isMeant: (relation: SqlRelation) => boolean,
): Pick<TableUses, "names" | "rows"> {
  const relationNames = new Set(
    scopes.flatMap(({ selects }) => selects.flatMap(({ relations }) => relations))
      .flatMap(({ name, alias }) => [name?.start, alias?.start]),
  );
  const names: SqlRange[] = [];
  const rows: SqlRange[] = [];
  let last = "";
  for (const { words, parts, start, isCall } of chainsOf(sql)) {
    const before = last;
    last = words.at(-1)?.text.toUpperCase() ?? "";
    if (relationNames.has(start)) continue;
    const relations = relationsAt(scopes, start);
    // `raw.orders.day` before `orders.day`, and a part of what `o.address.street` holds is none of ours.
    const length = [2, 1].find((count) =>
      parts.length > count && relationNamed(relations, parts.slice(0, count)) !== undefined
    );
    if (length !== undefined) {
      const relation = relationNamed(relations, parts.slice(0, length));
      const word = words[length - 1];
      if (relation !== undefined && word !== undefined && isMeant(relation)) {
        names.push({ start: word.start, end: word.end });
      }
      continue;
    }
    const word = words[0];
    if (parts.length !== 1 || isCall || before === "AS" || word === undefined) continue;
    const relation = relations.find((one) => isSameName(calledBy(one) ?? "", parts[0] ?? ""));
    if (relation !== undefined && isMeant(relation)) rows.push({ start: word.start, end: word.end });
  }
  return { names, rows };
}
