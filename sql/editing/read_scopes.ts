import { isSameName, nameKey } from "../../contract/sql.ts";
import { scanSql } from "../language/scan_sql.ts";

/**
 * What an editor has to know of SQL that is being written, and so cannot be parsed: which tables can be seen at a place, by what
 * names. It goes by words and brackets alone; what it cannot tell it leaves out.
 */

/** UTF-16 offsets; `end` is behind the last unit. */
export interface SqlRange {
  readonly start: number;
  readonly end: number;
}

/** A word or a quoted name, or a sign. */
export interface SqlWord extends SqlRange {
  /** As it is written. */
  readonly text: string;
  readonly isName: boolean;
}

/** A name in parts, as `raw.orders`: each without its quotes. */
export interface SqlName extends SqlRange {
  readonly parts: readonly string[];
}

/** What a query reads: a table by its name, or a query in brackets. */
export interface SqlRelation {
  readonly alias?: SqlName;
  /** Of a table, and of a function that is called in FROM. */
  readonly name?: SqlName;
  /** Of a query: what stands between its brackets. */
  readonly query?: SqlRange;
  readonly isCall: boolean;
}

/** A common table expression. */
export interface SqlCte {
  readonly name: SqlName;
  /** Of its query, without the brackets. */
  readonly query: SqlRange;
  /** From its name to the bracket that closes it. */
  readonly whole: SqlRange;
  readonly isRecursive: boolean;
}

/** One query, or one part of a UNION. */
export interface SqlSelect extends SqlRange {
  readonly relations: readonly SqlRelation[];
  /** Names that its list gives, with their places. */
  readonly outputs: readonly SqlName[];
}

/** All that stands between two brackets, or the whole text. */
export interface SqlScope extends SqlRange {
  readonly parent: SqlScope | undefined;
  /** Its own ones. */
  readonly ctes: readonly SqlCte[];
  readonly selects: readonly SqlSelect[];
}

interface Group extends SqlRange {
  readonly items: (SqlWord | Group)[];
}

const isGroup = (item: SqlWord | Group | undefined): item is Group => item !== undefined && "items" in item;

/** The scopes of a text, outer ones first; never empty. */
export function readScopes(sql: string): SqlScope[] {
  const scopes: SqlScope[] = [];
  const read = (group: Group, parent: SqlScope | undefined) => {
    const scope = scopeOf(sql, group, parent);
    scopes.push(scope);
    const visit = (item: SqlWord | Group) => {
      if (isGroup(item)) read(item, scope);
    };
    group.items.forEach(visit);
  };
  read(groupsOf(sql), undefined);
  return scopes;
}

/** The words of a text, without spaces and comments; texts in quotes are no names. */
export function sqlWords(sql: string): SqlWord[] {
  return [...scanSql(sql)].flatMap(({ kind, start, end }) => {
    if (kind === "space" || kind === "comment") return [];
    const text = sql.slice(start, end);
    return [{ start, end, text, isName: kind === "word" || text.startsWith('"') }];
  });
}

/** A name as SQL means it: without its quotes. */
export function unquoted(text: string): string {
  if (!text.startsWith('"')) return text;
  return text.slice(1, text.length > 1 && text.endsWith('"') ? -1 : undefined).replaceAll('""', '"');
}

/** Brackets that are not closed end with the text. */
function groupsOf(sql: string): Group {
  const root: Group & { end: number } = { start: 0, end: sql.length, items: [] };
  const open: (Group & { end: number })[] = [root];
  for (const word of sqlWords(sql)) {
    const top = open.at(-1) ?? root;
    if (word.text === "(") {
      const group = { start: word.end, end: sql.length, items: [] };
      top.items.push(group);
      open.push(group);
    } else if (word.text === ")") {
      if (open.length > 1) {
        top.end = word.start;
        open.pop();
      }
    } else top.items.push(word);
  }
  return root;
}

const SET_WORDS: ReadonlySet<string> = new Set(["UNION", "EXCEPT", "INTERSECT"]);
/** What ends a FROM. */
const CLAUSES: ReadonlySet<string> = new Set([
  ...SET_WORDS,
  "SELECT",
  "WHERE",
  "GROUP",
  "HAVING",
  "QUALIFY",
  "WINDOW",
  "ORDER",
  "LIMIT",
  "OFFSET",
  "PIVOT",
  "UNPIVOT",
  "USING",
  "ON",
]);
/** Words behind a table that are no alias of it. */
const NO_ALIAS: ReadonlySet<string> = new Set([
  ...CLAUSES,
  "JOIN",
  "LEFT",
  "RIGHT",
  "FULL",
  "INNER",
  "OUTER",
  "CROSS",
  "NATURAL",
  "ASOF",
  "ANTI",
  "SEMI",
  "POSITIONAL",
  "LATERAL",
  "TABLESAMPLE",
  "FROM",
  "AS",
]);

const keyword = (item: SqlWord | Group | undefined): string =>
  item === undefined || isGroup(item) || item.text.startsWith('"') ? "" : item.text.toUpperCase();

function scopeOf(sql: string, group: Group, parent: SqlScope | undefined): SqlScope {
  const { items } = group;
  const { ctes, next } = ctesOf(items);
  const selects: SqlSelect[] = [];
  let from = next;
  for (let at = next; at <= items.length; at += 1) {
    const word = keyword(items[at]);
    if (at < items.length && !SET_WORDS.has(word) && word !== ";") continue;
    const part = items.slice(from, at);
    const before = items[from - 1];
    const start = before === undefined ? group.start : before.end;
    const end = items[at]?.start ?? group.end;
    if (part.length > 0) {
      selects.push({ start, end, relations: relationsOf(part), outputs: outputsOf(sql, part) });
    }
    from = at + 1;
  }
  return { start: group.start, end: group.end, parent, ctes, selects };
}

/** `WITH [RECURSIVE] name [(columns)] AS [NOT MATERIALIZED] (query), …` */
function ctesOf(items: readonly (SqlWord | Group)[]): { readonly ctes: SqlCte[]; readonly next: number } {
  const ctes: SqlCte[] = [];
  if (keyword(items[0]) !== "WITH") return { ctes, next: 0 };
  const isRecursive = keyword(items[1]) === "RECURSIVE";
  let at = isRecursive ? 2 : 1;
  for (;;) {
    const name = items[at];
    if (name === undefined || isGroup(name) || !name.isName) break;
    let next = at + 1;
    if (isGroup(items[next])) next += 1;
    while (
      ["USING", "KEY"].includes(keyword(items[next])) ||
      (keyword(items[next - 1]) === "KEY" && isGroup(items[next]))
    ) next += 1;
    if (keyword(items[next]) !== "AS") break;
    next += 1;
    while (["NOT", "MATERIALIZED"].includes(keyword(items[next]))) next += 1;
    const query = items[next];
    if (!isGroup(query)) break;
    ctes.push({
      name: { start: name.start, end: name.end, parts: [unquoted(name.text)] },
      query: { start: query.start, end: query.end },
      whole: { start: name.start, end: query.end + 1 },
      isRecursive,
    });
    at = next + 1;
    if (keyword(items[at]) !== ",") break;
    at += 1;
  }
  return { ctes, next: at };
}

function relationsOf(items: readonly (SqlWord | Group)[]): SqlRelation[] {
  const relations: SqlRelation[] = [];
  let isInFrom = false;
  let isWanted = false;
  for (let at = 0; at < items.length; at += 1) {
    const item = items[at];
    const word = keyword(item);
    if (word === "FROM" || word === "JOIN") [isInFrom, isWanted] = [true, true];
    else if (isInFrom && word === ",") isWanted = true;
    else if (CLAUSES.has(word)) {
      isWanted = false;
      // Behind ON another JOIN may follow.
      if (word !== "ON" && word !== "USING") isInFrom = false;
    } else if (isWanted && word !== "LATERAL") {
      const read = relationAt(items, at);
      if (read === undefined) continue;
      relations.push(...read.relations);
      isWanted = false;
      at = read.last;
    }
  }
  return relations;
}

/** The relation that begins at an item, and the last one that it has. */
function relationAt(
  items: readonly (SqlWord | Group)[],
  at: number,
): { readonly relations: SqlRelation[]; readonly last: number } | undefined {
  const first = items[at];
  if (first === undefined) return undefined;
  let last = at;
  let relation: Omit<SqlRelation, "alias">;
  if (isGroup(first)) {
    const isQuery =
      ["SELECT", "FROM", "WITH", "VALUES", "PIVOT", "UNPIVOT", "TABLE"].includes(keyword(first.items[0])) ||
      isGroup(first.items[0]);
    // `(a JOIN b ON …)`
    if (!isQuery) {
      const inner = relationsOf([
        { start: first.start, end: first.start, text: "FROM", isName: true },
        ...first.items,
      ]);
      return { relations: inner, last };
    }
    relation = { query: { start: first.start, end: first.end }, isCall: false };
  } else if (first.isName) {
    const name = nameAt(items, at);
    last = name.last;
    const isCall = isGroup(items[last + 1]);
    if (isCall) last += 1;
    relation = { name: name.name, isCall };
  } else return undefined;
  if (keyword(items[last + 1]) === "AS") last += 1;
  const alias = items[last + 1];
  const hasAlias = alias !== undefined && !isGroup(alias) && alias.isName && !NO_ALIAS.has(keyword(alias));
  if (!hasAlias) return { relations: [relation], last };
  last += 1;
  const own = { start: alias.start, end: alias.end, parts: [unquoted(alias.text)] };
  // `AS t(a, b)`
  if (isGroup(items[last + 1])) last += 1;
  return { relations: [{ ...relation, alias: own }], last };
}

function nameAt(
  items: readonly (SqlWord | Group)[],
  at: number,
): { readonly name: SqlName; readonly last: number } {
  const parts: string[] = [];
  let last = at;
  let end = at;
  for (;;) {
    const item = items[last];
    if (item === undefined || isGroup(item) || !item.isName) break;
    parts.push(unquoted(item.text));
    end = last;
    if (keyword(items[last + 1]) !== ".") break;
    last += 2;
  }
  const [first, final] = [items[at], items[end]];
  return { name: { start: first?.start ?? 0, end: final?.end ?? 0, parts }, last: end };
}

/** `x AS name`, and columns by their own names. */
function outputsOf(sql: string, items: readonly (SqlWord | Group)[]): SqlName[] {
  const from = items.findIndex((item) => keyword(item) === "SELECT");
  if (from === -1) return [];
  const outputs: SqlName[] = [];
  let entry: (SqlWord | Group)[] = [];
  const close = () => {
    const last = entry.at(-1);
    const isNamed = last !== undefined && !isGroup(last) && last.isName &&
      !["END", "NULL", "TRUE", "FALSE", "DISTINCT"].includes(keyword(last));
    if (isNamed) outputs.push({ start: last.start, end: last.end, parts: [unquoted(last.text)] });
    entry = [];
  };
  for (const item of items.slice(from + 1)) {
    const word = keyword(item);
    if (word === "FROM" || (CLAUSES.has(word) && word !== "USING" && word !== "ON")) break;
    if (word === ",") close();
    else entry.push(item);
  }
  close();
  return outputs.filter(({ start, end }) => sql.slice(start, end) !== "");
}

/** The innermost scope that holds the place. */
export function scopeAt(scopes: readonly SqlScope[], offset: number): SqlScope | undefined {
  return scopes.findLast(({ start, end }) => start <= offset && offset <= end);
}

/** The tables that can be named at a place, inner ones first: those of its own query, then those of the queries around it. */
export function relationsAt(scopes: readonly SqlScope[], offset: number): SqlRelation[] {
  const found: SqlRelation[] = [];
  for (let scope = scopeAt(scopes, offset); scope !== undefined; scope = scope.parent) {
    const select = scope.selects.find(({ start, end }) => start <= offset && offset <= end);
    found.push(...select?.relations ?? []);
    // A query of a WITH or a UNION does not see what stands beside it.
    const isCte = scope.parent?.ctes.some(({ query }) => query.start === scope?.start) ?? false;
    if (isCte) break;
  }
  return found;
}

/** The common table expressions that can be named at a place, the nearest first. */
export function ctesAt(scopes: readonly SqlScope[], offset: number): SqlCte[] {
  const found: SqlCte[] = [];
  for (let scope = scopeAt(scopes, offset); scope !== undefined; scope = scope.parent) {
    const own = scope.ctes.filter(({ whole, query, isRecursive }) =>
      whole.end <= offset || (isRecursive && query.start <= offset)
    );
    found.push(...own.reverse());
  }
  return found;
}

/** Names of tables in the whole text that are no common table expressions, functions or queries. */
export function tableNamesIn(sql: string): SqlName[] {
  const scopes = readScopes(sql);
  return scopes.flatMap((scope) =>
    scope.selects.flatMap(({ relations }) =>
      relations.flatMap(({ name, isCall }) => {
        if (name === undefined || isCall) return [];
        const isCte = name.parts.length === 1 &&
          ctesAt(scopes, name.start).some((cte) => isSameName(cte.name.parts[0] ?? "", name.parts[0] ?? ""));
        return isCte ? [] : [name];
      })
    )
  );
}

/** By what name a relation is called where it is read. */
export function calledBy({ alias, name }: SqlRelation): string | undefined {
  return alias?.parts[0] ?? name?.parts.at(-1);
}

/** The relation that a qualifier names, as `o` of `o.day`, or `raw.orders` of `raw.orders.day`. */
export function relationNamed(
  relations: readonly SqlRelation[],
  qualifier: readonly string[],
): SqlRelation | undefined {
  const key = (parts: readonly string[]) => parts.map(nameKey).join(".");
  const wanted = key(qualifier);
  return relations.find((relation) => {
    const { alias, name } = relation;
    if (alias !== undefined) return key(alias.parts) === wanted;
    return name !== undefined && (key(name.parts) === wanted || key(name.parts.slice(-1)) === wanted);
  });
}

/** The WITH that has to stand before a query at a place, so that it can be read by itself; empty where it sees none. */
export function withBefore(sql: string, ctes: readonly SqlCte[]): string {
  if (ctes.length === 0) return "";
  const ordered = ctes.toSorted((a, b) => a.whole.start - b.whole.start);
  const recursive = ordered.some(({ isRecursive }) => isRecursive) ? "RECURSIVE " : "";
  return `WITH ${recursive}${ordered.map(({ whole }) => sql.slice(whole.start, whole.end)).join(",\n")}\n`;
}
