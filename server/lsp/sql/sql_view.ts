import { type Column, isSameName, nameKey } from "../../../contract/sql.ts";
import type { LivePipeline } from "../../../engine/definitions/live/live_checker.ts";
import {
  ctesAt,
  readScopes,
  relationsAt,
  scopeAt,
  type SqlCte,
  type SqlRelation,
  type SqlScope,
  withBefore,
} from "../../../sql/editing/read_scopes.ts";
import type { ProjectFile, ProjectSpace } from "../project_space.ts";

/** What a name of a table stands for. */
export type KnownTable =
  | { readonly kind: "cte"; readonly cte: SqlCte }
  | { readonly kind: "model"; readonly name: string; readonly file: ProjectFile | undefined }
  | { readonly kind: "stream"; readonly name: string };

/** A file of SQL that is being written, and the pipeline whose tables it reads. */
export interface SqlView {
  readonly sql: string;
  readonly path: string;
  readonly scopes: readonly SqlScope[];
  readonly space: ProjectSpace;
  readonly pipeline: LivePipeline | undefined;
}

export function sqlView(space: ProjectSpace, path: string, sql: string): SqlView {
  return { sql, path, scopes: readScopes(sql), space, pipeline: space.pipelineOf(path) };
}

/** What the parts of a name stand for at a place. */
export function tableNamed(view: SqlView, parts: readonly string[], offset: number): KnownTable | undefined {
  const { pipeline, scopes, space } = view;
  const name = parts.at(-1) ?? "";
  const schema = parts.length > 1 ? nameKey(parts.at(-2) ?? "") : undefined;
  if (schema === undefined) {
    const cte = ctesAt(scopes, offset).find((one) => isSameName(one.name.parts[0] ?? "", name));
    if (cte !== undefined) return { kind: "cte", cte };
  }
  if (pipeline === undefined) return undefined;
  if (schema === "raw") {
    const stream = streamsOf(pipeline).find((one) => isSameName(one, name));
    return stream === undefined ? undefined : { kind: "stream", name: stream };
  }
  if (schema !== undefined && schema !== "main") return undefined;
  const file = space.tableFiles(pipeline).get(name.toLowerCase());
  const known = Object.keys(pipeline.modelColumns).find((one) => isSameName(one, name));
  if (file === undefined && known === undefined) return undefined;
  return { kind: "model", name: known ?? modelNameOf(file) ?? name, file };
}

const modelNameOf = (file: ProjectFile | undefined): string | undefined =>
  file?.path.slice(file.path.lastIndexOf("/") + 1).replace(/\.(?:sql|csv)$/, "");

/** Tables of raw that there are. */
export function streamsOf({ loaded, streamColumns }: LivePipeline): string[] {
  return [
    ...new Set([...Object.keys(loaded.sketch?.definition.extract ?? {}), ...Object.keys(streamColumns)]),
  ].filter((name) => !/[*]/.test(name));
}

/** The columns of what a query reads; none where they are not known. */
export async function columnsOfRelation(view: SqlView, relation: SqlRelation): Promise<readonly Column[]> {
  const { sql, scopes } = view;
  if (relation.query !== undefined) {
    const { start, end } = relation.query;
    const before = withBefore(sql, ctesAt(scopes, start));
    return await columnsOfQuery(view, `${before}SELECT * FROM (\n${sql.slice(start, end)}\n)`, start);
  }
  if (relation.name === undefined) return [];
  if (relation.isCall) {
    const close = closingOf(sql, relation.name.end);
    const call = sql.slice(relation.name.start, close);
    return await columnsOfQuery(view, `SELECT * FROM ${call}`, relation.name.start);
  }
  const table = tableNamed(view, relation.name.parts, relation.name.start);
  return table === undefined ? [] : await columnsOfTable(view, table);
}

export async function columnsOfTable(view: SqlView, table: KnownTable): Promise<readonly Column[]> {
  if (table.kind === "model") return view.pipeline?.modelColumns[table.name] ?? [];
  if (table.kind === "stream") return view.pipeline?.streamColumns[table.name] ?? [];
  const { cte } = table;
  const all = [cte, ...ctesAt(view.scopes, cte.whole.start)];
  return await columnsOfQuery(
    view,
    `${withBefore(view.sql, all)}SELECT * FROM ${quoted(cte, view.sql)}`,
    cte.query.start,
  );
}

const quoted = ({ name }: SqlCte, sql: string): string => sql.slice(name.start, name.end);

/** As DuckDB binds it, or the names that its list gives where it cannot be bound. */
async function columnsOfQuery(view: SqlView, query: string, start: number): Promise<readonly Column[]> {
  const { pipeline, space, scopes } = view;
  const bound = pipeline === undefined ? undefined : await space.columnsOf(pipeline.loaded.name, query);
  if (bound !== undefined) return bound;
  const outputs = scopeAt(scopes, start)?.selects[0]?.outputs ?? [];
  return outputs.map(({ parts }) => ({ name: parts[0] ?? "", type: "" }));
}

function closingOf(sql: string, from: number): number {
  let depth = 0;
  for (let at = from; at < sql.length; at += 1) {
    if (sql[at] === "(") depth += 1;
    if (sql[at] === ")" && --depth === 0) return at + 1;
  }
  return sql.length;
}

/** The relations that a place sees, with their columns. */
export async function visibleColumns(
  view: SqlView,
  offset: number,
): Promise<{ readonly relation: SqlRelation; readonly columns: readonly Column[] }[]> {
  return await Promise.all(
    relationsAt(view.scopes, offset).map(async (relation) => ({
      relation,
      columns: await columnsOfRelation(view, relation),
    })),
  );
}
