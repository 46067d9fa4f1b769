import type { SqlName } from "../../../sql/editing/read_scopes.ts";
import { placeIn } from "../../../sql/editing/place.ts";
import { type SqlCte, type SqlRange, sqlWords } from "../../../sql/editing/read_scopes.ts";
import { aliasUses, cteUses } from "../../../sql/editing/table_uses.ts";
import { meaningAt } from "../sql/define_sql.ts";
import type { SqlView } from "../sql/sql_view.ts";
import type { YamlView } from "../yaml/yaml_file.ts";
import { type Entity, entityOfFile, namesInYaml } from "./entity.ts";
import { type Mention, mentionsOf, rowsIn } from "./references.ts";
import { type Edit, refuse, type Renamed, renameEntity, renameLocal, requireRenamable } from "./rename.ts";
import { type ColumnAlias, columnAliasAt, columnUses, renameColumn } from "./rename_column.ts";

/** What a name at a place stands for, and where it is written there: UTF-16 offsets of its file. */
export type NameAt =
  & SqlRange
  & (
    | { readonly kind: "entity"; readonly entity: Entity }
    | { readonly kind: "cte"; readonly view: SqlView; readonly cte: SqlCte }
    | { readonly kind: "alias"; readonly view: SqlView; readonly alias: SqlName }
    | { readonly kind: "column"; readonly view: SqlView; readonly alias: ColumnAlias }
    /** Of a table whose list of columns gives it. */
    | { readonly kind: "foreign column"; readonly name: string; readonly table: Entity | undefined }
  );

/** The name at an offset of SQL. The first word of a model stands for the model itself. */
export async function nameInSqlAt(view: SqlView, offset: number): Promise<NameAt | undefined> {
  const { word } = placeIn(view.sql, offset);
  const { start, end } = word;
  const own = entityOfFile(view.space, view.path);
  const first = sqlWords(view.sql)[0];
  if (own !== undefined && first !== undefined && first.start <= offset && offset <= first.end) {
    return { kind: "entity", entity: own, start: first.start, end: first.end };
  }
  const column = await columnAliasAt(view, offset);
  if (column !== undefined) return { kind: "column", view, alias: column, start, end };
  const meaning = await meaningAt(view, offset);
  if (meaning === undefined) return undefined;
  if (meaning.kind === "macro") {
    return { kind: "entity", entity: { kind: "macro", name: meaning.name }, start, end };
  }
  if (meaning.kind === "alias") {
    const { alias } = meaning.relation;
    return alias === undefined ? undefined : { kind: "alias", view, alias, start, end };
  }
  const { table } = meaning;
  const entity: Entity | undefined = table.kind === "stream"
    ? { kind: "stream", name: table.name, pipeline: view.pipeline?.loaded.name ?? "" }
    : table.kind === "model" && table.file !== undefined
    ? { kind: "table", name: table.name, path: table.file.path }
    : undefined;
  if (meaning.kind === "column") {
    return { kind: "foreign column", name: meaning.name, table: entity, start, end };
  }
  if (table.kind === "cte") return { kind: "cte", view, cte: table.cte, start, end };
  return entity === undefined ? undefined : { kind: "entity", entity, start, end };
}

/** The name at an offset of the file that YAML is in. */
export function nameInYamlAt(
  { space, path, kind, text }: YamlView,
  base: number,
  offset: number,
): NameAt | undefined {
  const names = namesInYaml(space, { path, kind, text, base });
  const name = names.find(({ start, end }) => start <= offset && offset <= end) ??
    names.find(({ wholeStart, end }) => wholeStart <= offset && offset <= end);
  return name === undefined
    ? undefined
    : { kind: "entity", entity: name.entity, start: name.start, end: name.end };
}

/** Where else the texts of the project say it. */
export async function referencesTo(
  name: NameAt,
  space: SqlView["space"],
): Promise<readonly Omit<Mention, "isSql" | "isDeclaration">[]> {
  if (name.kind === "entity") return await mentionsOf(space, name.entity);
  if (name.kind === "foreign column") {
    return name.table === undefined ? [] : await mentionsOf(space, name.table);
  }
  const { view } = name;
  const here = (ranges: readonly SqlRange[]) =>
    ranges.map(({ start, end }) => ({ path: view.path, start, end })).toSorted((a, b) => a.start - b.start);
  if (name.kind === "column") return here([name.alias.name, ...await columnUses(view, name.alias)]);
  const own = name.kind === "cte" ? name.cte.name : name.alias;
  const uses = name.kind === "cte"
    ? cteUses(view.sql, view.scopes, own.start)
    : aliasUses(view.sql, view.scopes, own);
  return here([own, ...uses.names, ...await rowsIn(view, own.parts[0] ?? "", uses)]);
}

/** How it is called now. Throws `conflict` with the reason where it cannot be renamed. */
export function renamable(name: NameAt): string {
  switch (name.kind) {
    case "entity":
      requireRenamable(name.entity);
      return name.entity.name;
    case "cte":
      return name.cte.name.parts[0] ?? "";
    case "alias":
      return name.alias.parts[0] ?? "";
    case "column":
      return name.alias.name.parts[0] ?? "";
    case "foreign column":
      throw refuse(
        name.table === undefined
          ? `${name.name} has its name from elsewhere`
          : `${name.name} is a column of ${name.table.name}: rename it where that gives it its name`,
      );
  }
}

/** Throws `conflict` with the reason where that is not safe. */
export async function renameAt(name: NameAt, space: SqlView["space"], to: string): Promise<Renamed> {
  renamable(name);
  const texts = (edits: Edit[]): Renamed => ({ edits, files: [] });
  switch (name.kind) {
    case "entity":
      return await renameEntity(space, name.entity, to);
    case "cte":
      return texts(await renameLocal(name.view, { cte: name.cte }, to));
    case "alias":
      return texts(await renameLocal(name.view, { alias: name.alias }, to));
    case "column":
      return texts(await renameColumn(name.view, name.alias, to));
    case "foreign column":
      return texts([]);
  }
}
