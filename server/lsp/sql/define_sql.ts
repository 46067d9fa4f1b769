import { findColumn, isSameName } from "../../../contract/sql.ts";
import { placeIn } from "../../../sql/editing/place.ts";
import {
  calledBy,
  relationNamed,
  relationsAt,
  type SqlRelation,
  sqlWords,
  tableNamesIn,
  unquoted,
} from "../../../sql/editing/read_scopes.ts";
import { parseMacros } from "../../../sql/language/macros/parse_macros.ts";
import type { ProjectSpace } from "../project_space.ts";
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

/** Where a table, a macro or a common table expression is named: the latter in its own file. */
export async function referencesOf(view: SqlView, meaning: SqlMeaning): Promise<FilePlace[]> {
  const { space, pipeline, path, sql } = view;
  if (meaning.kind === "macro") return await callsOf(space, meaning.name);
  if (meaning.kind === "alias" || meaning.table.kind === "cte") {
    const name = meaning.kind === "alias"
      ? calledBy(meaning.relation)
      : meaning.table.kind === "cte"
      ? meaning.table.cte.name.parts[0]
      : "";
    return sqlWords(sql).filter(({ isName, text }) => isName && isSameName(unquoted(text), name ?? ""))
      .map(({ start, end }) => ({ path, start, end }));
  }
  if (pipeline === undefined) return [];
  const { table } = meaning;
  const isOf = (parts: readonly string[]) => {
    const schema = parts.length > 1 ? parts.at(-2)?.toLowerCase() : "main";
    return schema === (table.kind === "stream" ? "raw" : "main") &&
      isSameName(parts.at(-1) ?? "", table.name);
  };
  const files = [
    ...pipeline.loaded.files.filter((file) =>
      file.path.startsWith("transforms/") && file.path.endsWith(".sql")
    )
      .map((file) => ({ path: file.path, text: file.content })),
    ...[...new Map((await space.macros()).map((macro) => [macro.path, macro.text]))].map(([one, text]) => ({
      path: one,
      text,
    })),
  ];
  const inSql = files.flatMap((file) =>
    tableNamesIn(file.text).filter(({ parts }) => isOf(parts)).map(({ start, end }) => ({
      path: file.path,
      start,
      end,
    }))
  );
  return [...inSql, ...inDefinition(view, table.name, table.kind)];
}

/** Loads and snapshots of the table. */
function inDefinition({ pipeline }: SqlView, name: string, kind: "model" | "stream"): FilePlace[] {
  const definition = pipeline?.loaded.sketch?.definition;
  if (pipeline === undefined || definition === undefined) return [];
  const paths = [
    ...Object.keys(definition.load).filter((one) => isSameName(one, name)).map((one) => ["load", one]),
    ...(kind === "stream" && Object.hasOwn(definition.extract, name) ? [["extract", name]] : []),
  ];
  return paths.map((path) => {
    const { file, line = 1, column = 1 } = pipeline.loaded.place(path);
    return { path: file, line, column, length: name.length };
  });
}

async function callsOf(space: ProjectSpace, name: string): Promise<FilePlace[]> {
  const texts = new Map<string, string>();
  for (const { loaded } of space.state.pipelines.values()) {
    for (const { path, content } of loaded.files) {
      if (path.startsWith("transforms/") && path.endsWith(".sql")) texts.set(path, content);
    }
  }
  for (const macro of await space.macros()) texts.set(macro.path, macro.text);
  return [...texts].flatMap(([path, text]) => {
    const words = sqlWords(text);
    return words.filter((word, at) =>
      word.isName && isSameName(unquoted(word.text), name) && words[at + 1]?.text === "("
    ).map(({ start, end }) => ({ path, start, end }));
  });
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
