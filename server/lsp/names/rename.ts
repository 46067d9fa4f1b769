import { AppError } from "../../../contract/errors.ts";
import { nameFault, type NameKind, quoteName } from "../../../contract/names.ts";
import { isSameName } from "../../../contract/sql.ts";
import { modelName } from "../../../sql/language/files/kinds.ts";
import { headerYaml } from "../../../sql/editing/header.ts";
import { isReserved, nameInSql } from "../../../sql/editing/name_in_sql.ts";
import { calledBy, ctesAt, readScopes, relationsAt, type SqlCte } from "../../../sql/editing/read_scopes.ts";
import { aliasUses, cteUses, tableUses } from "../../../sql/editing/table_uses.ts";
import type { SqlRange, SqlRelation } from "../../../sql/editing/read_scopes.ts";
import type { ProjectSpace } from "../project_space.ts";
import { type SqlView, streamsOf } from "../sql/sql_view.ts";
import type { Entity } from "./entity.ts";
import { isNameOf, type Mention, mentionsOf, pipelinesHaving, rowsIn, sqlFiles } from "./references.ts";

/** A text in the place of another one: UTF-16 offsets of a file of the project. */
export interface Edit {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What a rename does: texts first, then files. */
export interface Renamed {
  readonly edits: readonly Edit[];
  readonly files: readonly { readonly from: string; readonly to: string }[];
}

/** Why something keeps its name. */
export const refuse = (message: string): AppError => new AppError("conflict", message);

/** Renames something of the project in all of its texts. Throws `conflict` where the name is taken or may not be. */
export async function renameEntity(space: ProjectSpace, entity: Entity, name: string): Promise<Renamed> {
  requireRenamable(entity);
  const mentions = await mentionsOf(space, entity);
  if (entity.kind === "connector") {
    requireFree("connector", name);
    if (Object.hasOwn(space.state.project.connectors, name)) {
      throw refuse(`There is a connector ${name} already`);
    }
    return { edits: await editsOf(space, mentions, name), files: [] };
  }
  if (entity.kind === "macro") {
    requireFree("macro", name);
    const taken = (await space.macros()).find((macro) => isSameName(macro.name, name));
    if (taken !== undefined && !isSameName(name, entity.name)) {
      throw refuse(`${taken.path} has a macro ${taken.name} already`);
    }
    const isBuiltIn = (await space.checker.functions()).some((one) => isSameName(one.name, name));
    if (isBuiltIn) throw refuse(`DuckDB has a function ${name}: choose another name`);
    return { edits: await editsOf(space, mentions, name), files: [] };
  }
  if (entity.kind !== "table" && entity.kind !== "stream") throw refuse(`${entity.name} keeps its name`);
  return await renameTable(space, entity, name, mentions);
}

type Table = Extract<Entity, { kind: "table" | "stream" }>;

/** Throws `conflict` for what has its name from elsewhere. */
export function requireRenamable(entity: Entity): void {
  switch (entity.kind) {
    case "pipeline":
      throw refuse(
        `The warehouse and the history of the pipeline ${entity.name} have its name: a file of another name is another pipeline`,
      );
    case "notifier":
      throw refuse(`Notifiers are renamed by hand: ${entity.name} is in notifiers.yaml`);
    case "folder":
    case "file":
      throw refuse(`${entity.name} is renamed where its files are`);
    default:
  }
}

async function renameTable(
  space: ProjectSpace,
  table: Table,
  name: string,
  mentions: readonly Mention[],
): Promise<Renamed> {
  requireFree(table.kind === "stream" ? "stream" : "model", name);
  if (isReserved(name)) throw refuse(`${name} is a word of SQL: choose another name`);
  const pipelines = pipelinesHaving(space, table);
  for (const pipeline of pipelines) requireFreeTable(space, pipeline, table, name);
  await requireUnshadowed(space, table, name);
  const edits = await editsOf(space, mentions, name);
  if (table.kind === "stream") return { edits, files: [] };
  const to = withName(table.path, name);
  const header = table.path.replace(/\.csv$/, ".yaml");
  const files = [{ from: table.path, to }];
  if (header !== table.path && await space.textOf(header) !== undefined) {
    files.push({ from: header, to: withName(header, name) });
  }
  for (const file of files) {
    if (file.from.toLowerCase() !== file.to.toLowerCase() && await space.exists(file.to)) {
      throw refuse(`${file.to} is there already`);
    }
  }
  return { edits: [...edits, ...await takeover(space, table)], files };
}

export const withName = (path: string, name: string): string => {
  const at = path.lastIndexOf("/") + 1;
  return `${path.slice(0, at)}${name}${path.slice(at + modelName(path).length)}`;
};

function requireFree(kind: NameKind, name: string): void {
  const fault = nameFault(kind, name);
  if (fault !== undefined) throw refuse(`${quoteName(name)} cannot be the name of a ${kind}: ${fault}`);
  // YAML would read them as values.
  if (/^(?:true|false|null)$/i.test(name)) throw refuse(`${name} is a value of YAML: choose another name`);
}

function requireFreeTable(
  space: ProjectSpace,
  pipeline: ReturnType<typeof pipelinesHaving>[number],
  table: Table,
  name: string,
): void {
  const isItself = isSameName(name, table.name);
  const of = `the pipeline ${pipeline.loaded.name}`;
  const file = space.tableFiles(pipeline).get(name.toLowerCase());
  const stream = streamsOf(pipeline).find((one) => isSameName(one, name));
  const loads = Object.keys(pipeline.loaded.sketch?.definition.load ?? {});
  const isLoaded = (one: string) => loads.some((load) => isSameName(load, one));
  if (isItself) return;
  if (table.kind === "table") {
    if (file !== undefined) {
      throw refuse(
        `${of} has a ${file.path.endsWith(".csv") ? "seed" : "model"} ${name} already: ${file.path}`,
      );
    }
    if (stream !== undefined && isLoaded(stream)) {
      throw refuse(`${of} loads its stream ${stream}: a model of that name would be loaded in its place`);
    }
    return;
  }
  if (stream !== undefined) throw refuse(`${of} has a stream ${stream} already`);
  if (file !== undefined && isLoaded(table.name)) {
    throw refuse(`${of} has a model ${name}, which would be loaded in the place of the stream`);
  }
}

/** Throws `conflict` where the new name means something else in a query that reads the table, or other pipelines read it, too. */
async function requireUnshadowed(space: ProjectSpace, table: Table, name: string): Promise<void> {
  const having = new Set(pipelinesHaving(space, table));
  const isOf = isNameOf(table);
  for (const { path, text } of await sqlFiles(space)) {
    const { relations } = tableUses(text, isOf);
    if (relations.length === 0) continue;
    if (path.startsWith("macros/")) {
      const other = [...space.state.pipelines.values()].find((pipeline) =>
        !having.has(pipeline) &&
        (table.kind === "stream"
          ? streamsOf(pipeline).some((one) => isSameName(one, table.name))
          : space.tableFiles(pipeline).has(table.name.toLowerCase()))
      );
      if (other !== undefined) {
        throw refuse(
          `${path} reads ${table.name}, of which the pipeline ${other.loaded.name} has another one: rename it by hand`,
        );
      }
    } else if (![...having].some((pipeline) => space.hasFile(pipeline, path))) continue;
    else if (table.kind === "stream") {
      const shared = space.pipelinesWith(path).find((pipeline) => !having.has(pipeline));
      if (shared !== undefined) {
        throw refuse(`${path} reads a stream of the pipeline ${shared.loaded.name} by this name, too`);
      }
    }
    const scopes = readScopes(text);
    for (const { name: place, alias } of relations) {
      const at = place?.start ?? 0;
      const isHidden = table.kind === "table" && place?.parts.length === 1 &&
        ctesAt(scopes, at).some((cte) => isSameName(cte.name.parts[0] ?? "", name));
      if (isHidden) throw refuse(`${path} has a WITH query ${name} where it reads ${table.name}`);
      const twin = alias === undefined &&
        relationsAt(scopes, at).some((one) =>
          one.name?.start !== at && isSameName(calledBy(one) ?? "", name)
        );
      if (twin) throw refuse(`${path} calls another table ${name} where it reads ${table.name}`);
    }
  }
}

/** `renamed_from` in the header of a model whose rows are kept from run to run. */
async function takeover(space: ProjectSpace, table: Table): Promise<Edit[]> {
  if (table.kind !== "table" || !table.path.endsWith(".sql")) return [];
  const text = await space.textOf(table.path) ?? "";
  const model = space.modelAt({ path: table.path, text });
  if (model?.materialized !== "incremental" && model?.materialized !== "scd2") return [];
  const edit = (start: number, end: number, written: string) => [
    { path: table.path, start, end, text: written },
  ];
  const header = headerYaml(text);
  if (header === undefined) return edit(0, 0, `/* @sluice\nrenamed_from: ${table.name}\n*/\n`);
  const yaml = text.slice(header.start, header.end);
  const before = /^([ \t]*renamed_from[ \t]*:[ \t]*)(\S+)/m.exec(yaml);
  if (before !== null) {
    const start = header.start + before.index + (before[1]?.length ?? 0);
    return edit(start, start + (before[2]?.length ?? 0), table.name);
  }
  const indent = /^[ \t]*\r?\n([ \t]*)(?=[^\s#{])/.exec(yaml)?.[1];
  if (indent === undefined) {
    throw refuse(
      `${table.path} keeps its rows from run to run: write renamed_from: ${table.name} into its header first`,
    );
  }
  return edit(header.start, header.start, `\n${indent}renamed_from: ${table.name}`);
}

async function editsOf(space: ProjectSpace, mentions: readonly Mention[], name: string): Promise<Edit[]> {
  const once = new Map(mentions.map((mention) => [`${mention.path}\n${mention.start}`, mention]));
  const edits: Edit[] = [];
  for (const { path, start, end, isSql } of once.values()) {
    const text = await space.textOf(path) ?? "";
    const isQuoted = isSql && text[start] === '"';
    edits.push({ path, start, end, text: isQuoted ? `"${name}"` : name });
  }
  return edits;
}

/** Renames a WITH query, or a table by the name that a query gives it. Throws `conflict` where the name is taken. */
export async function renameLocal(
  view: SqlView,
  target: { readonly cte: SqlCte } | { readonly alias: NonNullable<SqlRelation["alias"]> },
  name: string,
): Promise<Edit[]> {
  const { sql, path, scopes } = view;
  if (name.trim() === "") throw refuse("A name has at least one letter");
  const own = "cte" in target ? target.cte.name : target.alias;
  const uses = "cte" in target ? cteUses(sql, scopes, own.start) : aliasUses(sql, scopes, own);
  const rows = await rowsIn(view, own.parts[0] ?? "", uses);
  const ranges: SqlRange[] = [own, ...uses.names, ...rows];
  if (!isSameName(name, own.parts[0] ?? "")) {
    const names = scopes.flatMap(({ ctes, selects }) => [
      ...ctes.flatMap((cte) => cte.name.parts),
      ...selects.flatMap(({ relations }) =>
        relations.flatMap((one) => [...one.alias?.parts ?? [], ...one.name?.parts.slice(-1) ?? []])
      ),
    ]);
    if (names.some((one) => isSameName(one, name))) {
      throw refuse(`This query calls something ${name} already`);
    }
  }
  const written = nameInSql(name);
  return ranges.map(({ start, end }) => ({ path, start, end, text: written }));
}
