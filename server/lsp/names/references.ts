import { findColumn, isSameName } from "../../../contract/sql.ts";
import type { LivePipeline } from "../../../engine/definitions/live/live_checker.ts";
import { headerYaml } from "../../../sql/editing/header.ts";
import { chainsOf, type TableUses, tableUses } from "../../../sql/editing/table_uses.ts";
import { yamlScalars } from "../../../text/yaml_scalars.ts";
import type { ProjectFile, ProjectSpace } from "../project_space.ts";
import { type SqlView, sqlView, visibleColumns } from "../sql/sql_view.ts";
import { isSqlAt } from "../yaml/yaml_references.ts";
import { yamlKind } from "../yaml/yaml_file.ts";
import { type Entity, isSameEntity, namesInYaml, type YamlText } from "./entity.ts";

/** Where a text names an entity: UTF-16 offsets of its own name. */
export interface Mention {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  readonly isSql: boolean;
  /** Gives it its name; a model has none such, its file has the name. */
  readonly isDeclaration: boolean;
}

/** Where all texts of the project name an entity: SQL, SQL in YAML, and names in YAML. */
export async function mentionsOf(space: ProjectSpace, entity: Entity): Promise<Mention[]> {
  const key = entity.name.toLowerCase();
  const found: Mention[] = [];
  const add = (path: string, ranges: readonly { start: number; end: number }[], isSql: boolean) => {
    for (const { start, end } of ranges) found.push({ path, start, end, isSql, isDeclaration: false });
  };
  const hasName = ({ text }: ProjectFile) => text.toLowerCase().includes(key);
  const sql = (await sqlFiles(space)).filter(hasName);
  if (entity.kind === "macro") {
    const macros = (await space.macros()).filter(({ name }) => isSameName(name, entity.name));
    for (const { path, text } of sql) {
      for (const { start, end } of callsIn(text, entity.name)) {
        const isDeclaration = macros.some((macro) => macro.path === path && macro.position === start);
        found.push({ path, start, end, isSql: true, isDeclaration });
      }
    }
  } else if (entity.kind === "table" || entity.kind === "stream") {
    for (const { path, text } of sql) {
      const uses = tableUses(text, isNameOf(entity));
      if (uses.names.length === 0 || !isReadBy(space, entity, path)) continue;
      add(path, [...uses.names, ...await rowsIn(sqlView(space, path, text), entity.name, uses)], true);
    }
  }
  for (const file of (await yamlTexts(space)).filter(hasName)) {
    for (const name of namesInYaml(space, file)) {
      if (!isSameEntity(name.entity, entity)) continue;
      const { start, end, isDeclaration } = name;
      found.push({ path: file.path, start, end, isSql: false, isDeclaration });
    }
    for (const scalar of yamlScalars(file.text)) {
      if (scalar.isKey || !isSqlAt(file.kind, scalar.path)) continue;
      const text = file.text.slice(scalar.start, scalar.end);
      const ranges = entity.kind === "macro"
        ? callsIn(text, entity.name)
        : entity.kind === "table" || entity.kind === "stream"
        ? isReadBy(space, entity, file.path) ? tableUses(text, isNameOf(entity)).names : []
        : [];
      const base = file.base + scalar.start;
      add(file.path, ranges.map(({ start, end }) => ({ start: base + start, end: base + end })), true);
    }
  }
  return found.toSorted((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : a.start - b.start);
}

/** Whether the parts of a name in SQL are those of a table, in a pipeline that has it. */
export function isNameOf(entity: Entity): (parts: readonly string[]) => boolean {
  const wanted = entity.kind === "stream" ? "raw" : "main";
  return (parts) => {
    const schema = parts.length > 1 ? parts.at(-2)?.toLowerCase() : "main";
    return schema === wanted && isSameName(parts.at(-1) ?? "", entity.name);
  };
}

/** The pipelines that have a table. */
export function pipelinesHaving(space: ProjectSpace, entity: Entity): LivePipeline[] {
  const all = [...space.state.pipelines.values()];
  if (entity.kind === "table") return space.pipelinesWith(entity.path);
  return entity.kind === "stream" ? all.filter(({ loaded }) => loaded.name === entity.pipeline) : [];
}

/** Whether a file is one of a pipeline that has the table: macros may be used by all of them. */
function isReadBy(space: ProjectSpace, entity: Entity, path: string): boolean {
  if (path.startsWith("macros/")) return true;
  return pipelinesHaving(space, entity).some((pipeline) => space.hasFile(pipeline, path));
}

const callsIn = (sql: string, name: string) =>
  chainsOf(sql).filter(({ parts, isCall }) =>
    isCall && parts.length === 1 && isSameName(parts[0] ?? "", name)
  );

/** The whole rows of a table, where no column that can be seen is called as it is. */
export async function rowsIn(view: SqlView, name: string, { rows }: TableUses) {
  const found: TableUses["rows"][number][] = [];
  for (const row of rows) {
    const visible = await visibleColumns(view, row.start);
    if (visible.every(({ columns }) => findColumn(columns, name) === undefined)) found.push(row);
  }
  return found;
}

/** All SQL of the project: models of pipelines, and macros. */
export async function sqlFiles(space: ProjectSpace): Promise<ProjectFile[]> {
  const texts = new Map<string, string>();
  for (const { loaded: { sketch, files } } of space.state.pipelines.values()) {
    for (const { path, content } of sketch?.files ?? files) {
      if (path.startsWith("transforms/") && path.endsWith(".sql")) texts.set(path, content);
    }
  }
  for (const macro of await space.macros()) texts.set(macro.path, macro.text);
  return [...texts].map(([path, text]) => ({ path, text }));
}

/** All YAML of the project: its files, and the headers of its models. */
async function yamlTexts(space: ProjectSpace): Promise<YamlText[]> {
  const files = (await space.yamlFiles()).flatMap(({ path, text }): YamlText[] => {
    const kind = yamlKind(path);
    return kind === undefined ? [] : [{ path, kind, text, base: 0 }];
  });
  const headers = (await sqlFiles(space)).flatMap(({ path, text }): YamlText[] => {
    const header = path.startsWith("transforms/") ? headerYaml(text) : undefined;
    return header === undefined
      ? []
      : [{ path, kind: "model", text: text.slice(header.start, header.end), base: header.start }];
  });
  return [...files, ...headers];
}
