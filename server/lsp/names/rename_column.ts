import { findColumn, isSameName } from "../../../contract/sql.ts";
import { headerYaml } from "../../../sql/editing/header.ts";
import { nameInSql } from "../../../sql/editing/name_in_sql.ts";
import {
  relationNamed,
  relationsAt,
  type SqlName,
  type SqlRelation,
  type SqlScope,
  type SqlSelect,
  sqlWords,
  unquoted,
} from "../../../sql/editing/read_scopes.ts";
import { chainsOf, type SqlChain, tableUses } from "../../../sql/editing/table_uses.ts";
import { yamlScalars } from "../../../text/yaml_scalars.ts";
import { columnsOfRelation, type SqlView, tableNamed, visibleColumns } from "../sql/sql_view.ts";
import { keyReference, valueReference } from "../yaml/yaml_references.ts";
import { type Entity, entityOfFile, pipelinesOfTest } from "./entity.ts";
import { isNameOf, pipelinesHaving, sqlFiles } from "./references.ts";
import { type Edit, refuse } from "./rename.ts";

/** A name that a query gives to a column with AS. */
export interface ColumnAlias {
  readonly name: SqlName;
  readonly select: SqlSelect;
  readonly scope: SqlScope;
}

/** A name in the text that means a column. */
interface ColumnWord {
  readonly start: number;
  readonly end: number;
  readonly qualifier: readonly string[];
}

/**
 * The alias that the name at a place gives or means, through WITH queries and queries in brackets; undefined for a column of a
 * table, and for what is no column.
 */
export async function columnAliasAt(view: SqlView, offset: number): Promise<ColumnAlias | undefined> {
  const chain = chainsOf(view.sql).find(({ start, end }) => start <= offset && offset <= end);
  const word = chain?.words.find(({ start, end }) => start <= offset && offset <= end);
  if (chain === undefined || word === undefined) return undefined;
  const own = outputs(view).find(({ name }) => name.start === word.start);
  if (own !== undefined && isAliased(view.sql, own.name)) return own;
  const name = unquoted(word.text);
  const found = columnWord(view, chain, name);
  return found?.start === word.start ? await meant(view, found, name) : undefined;
}

/**
 * Renames an alias where it is given and wherever it is meant in its text. What a model gives to others is renamed only where
 * nobody reads it. Throws `conflict` with the reason where that would change what the query means.
 */
export async function renameColumn(view: SqlView, alias: ColumnAlias, name: string): Promise<Edit[]> {
  if (name.trim() === "") throw refuse("A name has at least one letter");
  const { sql, path, pipeline, space, scopes } = view;
  const old = alias.name.parts[0] ?? "";
  const isOutput = alias.scope === scopes[0];
  const before = pipeline === undefined
    ? undefined
    : await space.checker.columnsOf(pipeline.loaded.name, sql).catch(() => undefined);
  if (pipeline === undefined || before === undefined) {
    throw refuse("The query cannot be bound as it is: mend its faults first");
  }
  if (/\bBY\s+NAME\b/i.test(sql.slice(alias.scope.start, alias.scope.end))) {
    throw refuse(`${old} is the name by which queries are put together (BY NAME): rename it by hand`);
  }
  const written = nameInSql(name);
  const edits: Edit[] = [{ path, start: alias.name.start, end: alias.name.end, text: written }];
  if (!isSameName(old, name)) await requireFreeColumn(view, alias, name);
  for (const { start, end, isOutput: isGiven } of await columnUses(view, alias)) {
    // The model's own column keeps its name.
    edits.push({ path, start, end, text: isGiven ? `${written} AS ${sql.slice(start, end)}` : written });
  }
  if (isOutput) edits.push(...await inYaml(view, old, name));
  const after = await space.checker.columnsOf(
    pipeline.loaded.name,
    edited(sql, edits.filter((edit) => edit.path === path)),
  )
    .catch((error: Error) => {
      throw refuse(`${old} cannot become ${name}: ${error.message}`);
    });
  const wanted = before.map((column) =>
    isOutput && isSameName(column.name, old) ? name.toLowerCase() : column.name.toLowerCase()
  );
  const given = after.map((column) => column.name.toLowerCase());
  if (wanted.join("\n") !== given.join("\n")) {
    throw refuse(
      `The query would give the columns ${
        given.join(", ")
      }: name those that come of * in the last SELECT first`,
    );
  }
  return edits;
}

/** Where an alias is meant in its text; `isOutput` where the model's own column has its name from it. */
export async function columnUses(
  view: SqlView,
  alias: ColumnAlias,
): Promise<{ readonly start: number; readonly end: number; readonly isOutput: boolean }[]> {
  const { sql, scopes } = view;
  const name = alias.name.parts[0] ?? "";
  const uses = [];
  for (const chain of chainsOf(sql)) {
    const word = columnWord(view, chain, name);
    if (word === undefined || word.start === alias.name.start) continue;
    const given = outputs(view).find((output) => output.name.start === word.start);
    if (given !== undefined && isAliased(sql, given.name)) continue;
    if ((await meant(view, word, name))?.name.start !== alias.name.start) continue;
    uses.push({ start: word.start, end: word.end, isOutput: given?.scope === scopes[0] });
  }
  return uses;
}

/** The text with the edits, which do not overlap. */
export function edited(text: string, edits: readonly Omit<Edit, "path">[]): string {
  let result = text;
  for (const { start, end, text: written } of edits.toSorted((a, b) => b.start - a.start)) {
    result = result.slice(0, start) + written + result.slice(end);
  }
  return result;
}

const outputs = ({ scopes }: SqlView): ColumnAlias[] =>
  scopes.flatMap((scope) =>
    scope.selects.flatMap((select) => select.outputs.map((name) => ({ name, select, scope })))
  );

/** `x AS name` and `sum(x) name`, not a column by its own name. */
function isAliased(sql: string, { start }: SqlName): boolean {
  const words = sqlWords(sql.slice(0, start));
  const before = words.at(-1)?.text.toUpperCase() ?? "";
  return ![",", ".", "SELECT", "DISTINCT", "ALL", "("].includes(before);
}

/** The part of a name with dots that means a column called so. */
function columnWord({ scopes }: SqlView, chain: SqlChain, name: string): ColumnWord | undefined {
  const { words, parts, start, isCall } = chain;
  if (isCall && parts.length === 1) return undefined;
  const relations = relationsAt(scopes, start);
  const isRelation = scopes.some(({ selects, ctes }) =>
    ctes.some((cte) => cte.name.start === start) ||
    selects.some((select) =>
      select.relations.some((one) => one.name?.start === start || one.alias?.start === start)
    )
  );
  if (isRelation) return undefined;
  const length = [2, 1, 0].find((count) =>
    parts.length > count &&
    (count === 0 || relationNamed(relations, parts.slice(0, count)) !== undefined)
  ) ?? 0;
  const word = words[length];
  return word === undefined || !isSameName(parts[length] ?? "", name)
    ? undefined
    : { start: word.start, end: word.end, qualifier: parts.slice(0, length) };
}

/** The alias that a column's name means. */
async function meant(view: SqlView, word: ColumnWord, name: string): Promise<ColumnAlias | undefined> {
  const { sql, scopes } = view;
  if (word.qualifier.length > 0) {
    const relation = relationNamed(relationsAt(scopes, word.start), word.qualifier);
    return relation === undefined ? undefined : await originOf(view, relation, name);
  }
  const own = selectAt(view, word.start);
  const clause = own === undefined ? "" : clauseAt(sql, own.select, word.start);
  const alias = own === undefined
    ? undefined
    : outputs(view).find((output) =>
      output.select === (clause === "ORDER" ? own.scope.selects[0] : own.select) &&
      isSameName(output.name.parts[0] ?? "", name) && isAliased(sql, output.name)
    );
  const owners = (await visibleColumns(view, word.start)).filter(({ columns }) =>
    findColumn(columns, name) !== undefined
  );
  const [owner] = owners;
  if (alias !== undefined && owner !== undefined && clause === "ORDER") {
    if (isAlone(sql, word)) return alias;
    throw refuse(`${name} in ORDER BY is the name of an alias and of a column: write which is meant first`);
  }
  if (owner !== undefined) return await originOf(view, owner.relation, name);
  return alias;
}

/** What gives a column of a relation its name. */
async function originOf(
  view: SqlView,
  relation: SqlRelation,
  name: string,
  level = 0,
): Promise<ColumnAlias | undefined> {
  if (level > 50) return undefined;
  let start = relation.query?.start;
  if (relation.name !== undefined && !relation.isCall) {
    const table = tableNamed(view, relation.name.parts, relation.name.start);
    if (table?.kind === "cte") start = table.cte.query.start;
  }
  const scope = start === undefined ? undefined : view.scopes.find((one) => one.start === start);
  const select = scope?.selects[0];
  if (scope === undefined || select === undefined) return undefined;
  const output = select.outputs.find(({ parts }) => isSameName(parts[0] ?? "", name));
  if (output !== undefined) {
    if (isAliased(view.sql, output)) return { name: output, select, scope };
    const chain = chainsOf(view.sql).find((one) => one.start <= output.start && output.end <= one.end);
    const word = chain === undefined ? undefined : columnWord(view, chain, name);
    return word === undefined ? undefined : await meant(view, word, name);
  }
  for (const inner of select.relations) {
    const columns = await columnsOfRelation(view, inner);
    if (findColumn(columns, name) !== undefined) return await originOf(view, inner, name, level + 1);
  }
  return undefined;
}

/** The innermost query that a place is in, brackets of functions and lists left out. */
function selectAt(
  { scopes }: SqlView,
  offset: number,
): { readonly scope: SqlScope; readonly select: SqlSelect } | undefined {
  const scope = scopes.findLast(({ start, end, selects }) =>
    start <= offset && offset <= end &&
    selects.some((one) => one.relations.length > 0 || one.outputs.length > 0)
  );
  const select = scope?.selects.find(({ start, end }) => start <= offset && offset <= end);
  return scope === undefined || select === undefined ? undefined : { scope, select };
}

const CLAUSE_WORDS = ["SELECT", "FROM", "WHERE", "GROUP", "HAVING", "QUALIFY", "WINDOW", "ORDER", "LIMIT"];

/** The word that begins the clause of a query that a place is in. */
function clauseAt(sql: string, { start }: SqlSelect, offset: number): string {
  let clause = "";
  let depth = 0;
  for (const { text } of sqlWords(sql.slice(start, offset))) {
    if (text === "(") depth += 1;
    else if (text === ")") depth -= 1;
    else if (depth === 0 && CLAUSE_WORDS.includes(text.toUpperCase())) clause = text.toUpperCase();
  }
  return clause;
}

/** Whether a name in ORDER BY stands for itself, and not in an expression. */
function isAlone(sql: string, { start, end }: ColumnWord): boolean {
  const before = sqlWords(sql.slice(0, start)).at(-1)?.text.toUpperCase() ?? "";
  const after = sqlWords(sql.slice(end))[0]?.text.toUpperCase() ?? "";
  return ["BY", ","].includes(before) && ["", ",", ")", ";", "ASC", "DESC", "NULLS", "LIMIT"].includes(after);
}

/** Throws `conflict` where something else has the name that the alias would have. */
async function requireFreeColumn(view: SqlView, alias: ColumnAlias, name: string): Promise<void> {
  const { sql } = view;
  const old = alias.name.parts[0] ?? "";
  if (alias.select.outputs.some(({ parts }) => isSameName(parts[0] ?? "", name))) {
    throw refuse(`This query gives another column the name ${name}`);
  }
  for (const { start } of await columnUses(view, alias)) {
    const place = selectAt(view, start);
    if (place?.select === alias.select && clauseAt(sql, alias.select, start) === "ORDER") continue;
    const twin = (await visibleColumns(view, start)).find(({ columns }) =>
      findColumn(columns, name) !== undefined
    );
    if (twin !== undefined) throw refuse(`There is another column ${name} where ${old} is read`);
  }
}

/** What of a model's columns stands in its header and in tests. Throws `conflict` where others read the column. */
async function inYaml(view: SqlView, old: string, name: string): Promise<Edit[]> {
  const { space, path, sql } = view;
  const entity = entityOfFile(space, path);
  if (entity === undefined) return [];
  await requireUnread(view, entity, old);
  const edits: Edit[] = [];
  const header = headerYaml(sql);
  if (header !== undefined) {
    for (const scalar of yamlScalars(sql.slice(header.start, header.end))) {
      const find = scalar.isKey ? keyReference : valueReference;
      if (find("model", scalar.path) !== "column" || !isSameName(scalar.value, old)) continue;
      edits.push({ path, start: header.start + scalar.start, end: header.start + scalar.end, text: name });
    }
  }
  const having = pipelinesHaving(space, entity);
  for (const { path: file, text } of await space.yamlFiles()) {
    if (!file.startsWith("tests/")) continue;
    const scalars = yamlScalars(text);
    for (const scalar of scalars) {
      const [index = "", part] = scalar.path;
      const find = scalar.isKey ? keyReference : valueReference;
      if (part !== "expect" || find("tests", scalar.path) !== "column" || !isSameName(scalar.value, old)) {
        continue;
      }
      const model = scalars.find((one) => one.path[0] === index && one.path[1] === "model" && !one.isKey)
        ?.value;
      const isOfModel = isSameName(model?.slice(model.indexOf(".") + 1) ?? "", entity.name) &&
        pipelinesOfTest(space, scalars, index).some((pipeline) => having.includes(pipeline));
      if (isOfModel) edits.push({ path: file, start: scalar.start, end: scalar.end, text: name });
    }
  }
  return edits;
}

async function requireUnread(view: SqlView, entity: Entity, old: string): Promise<void> {
  const { space } = view;
  for (const { path, text } of await sqlFiles(space)) {
    const { relations } = tableUses(text, isNameOf(entity));
    if (relations.length === 0 || path === view.path) continue;
    const reads = chainsOf(text).some(({ parts }) => parts.some((part) => isSameName(part, old)));
    if (reads || hasStar(text)) {
      throw refuse(`${old} is a column of ${entity.name}, which ${path} reads: rename it there first`);
    }
  }
  for (const { loaded } of pipelinesHaving(space, entity)) {
    const { load = {}, publish } = loaded.sketch?.definition ?? {};
    const published = Array.isArray(publish) ? publish : Object.keys(publish ?? {});
    const isMeant = (one: string) => isSameName(one, entity.name);
    if (Object.keys(load).some(isMeant)) {
      throw refuse(`${old} is a column that ${loaded.path} loads: its destination has it by this name`);
    }
    if (published.some(isMeant)) {
      throw refuse(`${old} is a column that ${loaded.path} publishes: others read it by this name`);
    }
  }
}

/** `SELECT *` and `o.*`, not `count(*)` and `a * b`; a query that begins with FROM gives all columns, too. */
function hasStar(sql: string): boolean {
  const words = sqlWords(sql).map(({ text }) => text.toUpperCase());
  const isStar = (at: number) => words[at] === "*" || words[at] === "COLUMNS";
  return words.some((word, at) =>
    isStar(at) && ["SELECT", "DISTINCT", "ALL", ",", "."].includes(words[at - 1] ?? "") ||
    word === "FROM" && (at === 0 || ["(", "UNION", "ALL"].includes(words[at - 1] ?? ""))
  );
}
