import { findColumn, isSameName } from "../../../contract/sql.ts";
import { placeIn } from "../../../sql/editing/place.ts";
import {
  calledBy,
  relationNamed,
  relationsAt,
  type SqlRelation,
  sqlWords,
} from "../../../sql/editing/read_scopes.ts";
import { parseMacros } from "../../../sql/language/macros/parse_macros.ts";
import { type KnownTable, type SqlView, sqlView, tableNamed, visibleColumns } from "./sql_view.ts";

/** A range of a file: UTF-16 offsets, or a line from 1 with a column. */
export type FilePlace =
  | { readonly path: string; readonly start: number; readonly end: number }
  | { readonly path: string; readonly line: number; readonly column: number; readonly length: number };

/** What the name at a place of SQL means. */
export type SqlMeaning =
  | { readonly kind: "table"; readonly table: KnownTable }
  | { readonly kind: "alias"; readonly relation: SqlRelation }
  | { readonly kind: "column"; readonly table: KnownTable; readonly name: string }
  | { readonly kind: "macro"; readonly name: string };

export async function meaningAt(view: SqlView, offset: number): Promise<SqlMeaning | undefined> {
  const { word, qualifier, wants, isCall } = placeIn(view.sql, offset);
  if (wants === "nothing" || word.text === "") return undefined;
  if (isCall) {
    const macro = (await view.space.macros()).find(({ name }) => isSameName(name, word.text));
    if (macro !== undefined) return { kind: "macro", name: macro.name };
  }
  const cte = view.scopes.flatMap(({ ctes }) => ctes).find(({ name }) => name.start === word.start);
  if (cte !== undefined) return { kind: "table", table: { kind: "cte", cte } };
  const relations = relationsAt(view.scopes, offset);
  const named = relations.find(({ name }) =>
    name !== undefined && name.start <= word.start && word.end <= name.end
  );
  if (named?.name !== undefined) {
    const table = tableNamed(view, named.name.parts, named.name.start);
    return table === undefined ? undefined : { kind: "table", table };
  }
  const owners = qualifier.length > 0
    ? [relationNamed(relations, qualifier)]
    : (await visibleColumns(view, offset)).filter(({ columns }) =>
      findColumn(columns, word.text) !== undefined
    )
      .map(({ relation }) => relation);
  const owner = owners[0];
  if (owner !== undefined) {
    const table = owner.name === undefined ? undefined : tableNamed(view, owner.name.parts, owner.name.start);
    return table === undefined
      ? { kind: "alias", relation: owner }
      : { kind: "column", table, name: word.text };
  }
  const alias = relations.find((one) => isSameName(calledBy(one) ?? "", word.text));
  return alias === undefined ? undefined : { kind: "alias", relation: alias };
}

/** Where what the name at a place means is written. */
export async function defineSql(view: SqlView, offset: number): Promise<FilePlace[]> {
  const meaning = await meaningAt(view, offset);
  if (meaning === undefined) return [];
  if (meaning.kind === "alias") {
    const { alias, name, query } = meaning.relation;
    const range = alias ?? name ?? query;
    return range === undefined ? [] : [{ path: view.path, start: range.start, end: range.end }];
  }
  if (meaning.kind === "macro") {
    return (await view.space.macros()).filter(({ name }) => isSameName(name, meaning.name)).map((macro) => ({
      path: macro.path,
      start: macro.position,
      end: macro.position + macro.name.length,
    }));
  }
  return placesOfTable(view, meaning.table, meaning.kind === "column" ? meaning.name : undefined);
}

/** A table's file; of a column the place in it that gives it, as far as that can be seen. */
function placesOfTable(view: SqlView, table: KnownTable, column?: string): FilePlace[] {
  if (table.kind === "cte") {
    const { name, query } = table.cte;
    const output = column === undefined
      ? undefined
      : view.scopes.find(({ start }) => start === query.start)?.selects[0]?.outputs.find(({ parts }) =>
        isSameName(parts[0] ?? "", column)
      );
    const range = output ?? name;
    return [{ path: view.path, start: range.start, end: range.end }];
  }
  if (table.kind === "stream") return placesOfStream(view, table.name);
  const { file } = table;
  if (file === undefined) return [];
  const scopes = file.path.endsWith(".sql") ? sqlView(view.space, file.path, file.text).scopes : [];
  const outputs = scopes[0]?.selects.flatMap((select) => select.outputs) ?? [];
  const output = column === undefined
    ? undefined
    : outputs.find(({ parts }) => isSameName(parts[0] ?? "", column));
  const first = sqlWords(file.path.endsWith(".sql") ? file.text : "")[0];
  return [{
    path: file.path,
    start: output?.start ?? first?.start ?? 0,
    end: output?.end ?? first?.end ?? 0,
  }];
}

function placesOfStream({ pipeline }: Pick<SqlView, "pipeline">, stream: string): FilePlace[] {
  if (pipeline === undefined) return [];
  const { file, line = 1, column = 1 } = pipeline.loaded.place(["extract", stream]);
  return [{ path: file, line, column, length: stream.length }];
}

/** What a file of SQL has in it: its common table expressions and columns, or its macros. */
export interface SqlSymbol {
  readonly name: string;
  readonly kind: "cte" | "column" | "macro";
  readonly start: number;
  readonly end: number;
  readonly nameStart: number;
  readonly nameEnd: number;
}

export function symbolsOf({ scopes, path, sql }: SqlView): SqlSymbol[] {
  if (path.startsWith("macros/")) {
    return parseMacros({ path, content: sql }).statements.map(({ macro }) => ({
      name: macro.name,
      kind: "macro",
      start: macro.position,
      end: macro.end,
      nameStart: macro.position,
      nameEnd: macro.position + macro.name.length,
    }));
  }
  const ctes = scopes.flatMap((scope) => scope.ctes).map(({ name, whole }): SqlSymbol => ({
    name: name.parts[0] ?? "",
    kind: "cte",
    ...whole,
    nameStart: name.start,
    nameEnd: name.end,
  }));
  const outputs = scopes[0]?.selects[0]?.outputs ?? [];
  return [
    ...ctes,
    ...outputs.map(({ parts, start, end }): SqlSymbol => ({
      name: parts[0] ?? "",
      kind: "column",
      start,
      end,
      nameStart: start,
      nameEnd: end,
    })),
  ];
}
