import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import type { CheckDocs, ColumnDocs, PipelineDocs, TableDocs } from "../../../contract/docs/project_docs.ts";
import type { TableLineage } from "../../../contract/lineage/lineage.ts";
import type { LoadDefinition } from "../../../contract/pipeline/load.ts";
import { namedLoads } from "../../../contract/pipeline/named_loads.ts";
import { publishedModels } from "../../../contract/pipeline/publish.ts";
import { schedulesOf } from "../../../contract/pipeline/schedule.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import { nameKey } from "../../../contract/sql.ts";
import { dependenciesOf } from "../../../contract/triggers/after.ts";
import { type Check, modelChecks, streamChecks } from "../../../sql/language/checks/check.ts";
import { readModels } from "../../../sql/language/files/read_models.ts";
import { seedText } from "../../../sql/language/files/seeds.ts";
import type { Model } from "../../../sql/language/model.ts";
import type { CheckedPipeline } from "../../definitions/check/check_context.ts";
import { scheduleWords } from "../schedules/schedule_views.ts";

/** A pipeline by its files, as it was found to be; nothing is known of its runs. */
export function describePipeline({ pipeline, lineage }: CheckedPipeline): PipelineDocs {
  const { name, definition, files } = pipeline;
  const { description, owner, tags = [], after, freshness, params = {} } = definition ?? {};
  const models = new Map(
    readModels(files, seedText).models.map((model) => [nameKey(model.name), model]),
  );
  return {
    name,
    description: description ?? null,
    owner: owner ?? null,
    tags,
    schedules: (definition === undefined ? [] : schedulesOf(definition)).map((schedule) =>
      `${scheduleWords(schedule)}${schedule.timezone === "UTC" ? "" : ` ${schedule.timezone}`}`
    ),
    after: after === undefined ? [] : dependenciesOf(after).pipelines,
    freshness: freshness ?? null,
    params: Object.entries(params).map(([param, { type, description: about }]) => ({
      name: param,
      type,
      description: about ?? null,
    })),
    tables: definition === undefined
      ? []
      : (lineage?.tables ?? []).map((table) => describeTable(table, definition, models)),
    last: null,
  };
}

function describeTable(
  table: TableLineage,
  definition: PipelineDefinition,
  models: ReadonlyMap<string, Model>,
): TableDocs {
  const model = table.kind === "model" ? models.get(nameKey(table.name)) : undefined;
  if (model !== undefined) return describeModel(table, model, definition);
  if (table.kind === "stream") return describeStream(table, definition.extract[table.name]);
  const load = table.kind === "target"
    ? namedLoads(definition.load).find(({ step }) => `target:${step.slice("load:".length)}` === table.id)
    : undefined;
  return load === undefined ? plain(table) : describeTarget(table, load.target);
}

/** With nothing said of it beside where its columns come from. */
function plain(table: TableLineage): TableDocs {
  return {
    ...table,
    columns: table.columns.map((column) => ({ ...column, description: null })),
    description: null,
    tags: [],
    file: null,
    sql: null,
    materialized: null,
    strategy: null,
    mode: null,
    primary_key: [],
    update_key: null,
    contract: false,
    published: false,
    checks: [],
    last: null,
  };
}

function describeModel(table: TableLineage, model: Model, { publish }: PipelineDefinition): TableDocs {
  const described = new Map(
    Object.entries(model.columns).map(([name, { description }]) => [nameKey(name), description]),
  );
  const columns = table.columns.map((column): ColumnDocs => ({
    ...column,
    description: described.get(nameKey(column.name)) ?? null,
  }));
  return {
    ...plain(table),
    columns,
    description: model.description ?? null,
    tags: model.tags,
    file: model.path,
    // The rows of a seed are no SQL of its own, and may be many.
    sql: model.materialized === "seed" ? null : model.sql,
    materialized: model.materialized,
    strategy: model.materialized === "incremental" ? model.strategy : null,
    primary_key: model.primaryKey,
    update_key: model.updateKey ?? null,
    contract: model.contract === true,
    published: publishedModels(publish).some((one) => nameKey(one.model) === nameKey(model.name)),
    checks: modelChecks(model).map(describeCheck),
  };
}

/** Undefined for a child table, or a table that a wildcard stands for. */
function describeStream(table: TableLineage, stream: StreamDefinition | undefined): TableDocs {
  if (stream === undefined) return plain(table);
  const { description, tags, mode, primary_key: key, update_key, query } = stream;
  return {
    ...plain(table),
    description: description ?? null,
    tags,
    sql: typeof query === "string" ? query : null,
    mode,
    primary_key: listOf(key),
    update_key: update_key ?? null,
    checks: streamChecks(table.name, stream).map(describeCheck),
  };
}

function describeTarget(table: TableLineage, { mode, primary_key: key }: LoadDefinition): TableDocs {
  return { ...plain(table), mode, primary_key: listOf(key) };
}

const listOf = (key: string | readonly string[] | undefined): readonly string[] =>
  key === undefined ? [] : typeof key === "string" ? [key] : key;

function describeCheck({ name, label, column, severity, sql }: Check): CheckDocs {
  return { name, label, column: column ?? null, severity, sql, last: null };
}
