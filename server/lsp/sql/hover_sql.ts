import type { TableLineage } from "../../../contract/lineage/lineage.ts";
import { findColumn, isSameName, nameKey } from "../../../contract/sql.ts";
import { placeIn, type SqlPlace } from "../../../sql/editing/place.ts";
import { calledBy, relationNamed, relationsAt, type SqlRelation } from "../../../sql/editing/read_scopes.ts";
import { signature } from "./complete_sql.ts";
import {
  columnsOfRelation,
  columnsOfTable,
  type KnownTable,
  type SqlView,
  tableNamed,
  visibleColumns,
} from "./sql_view.ts";

/** So many columns of a table are listed. */
const MOST_COLUMNS = 40;
/** And so many forms of a function. */
const MOST_FORMS = 8;

/** What is known of the name at a place, as Markdown; undefined for nothing. */
export async function hoverSql(view: SqlView, offset: number): Promise<string | undefined> {
  const place = placeIn(view.sql, offset);
  const { word, qualifier } = place;
  if (place.wants === "nothing" || word.text === "") return undefined;
  if (place.isCall) {
    const called = await functionText(view, word.text);
    if (called !== undefined) return called;
  }
  const relations = relationsAt(view.scopes, offset);
  const named = relations.find(({ name }) =>
    name !== undefined && name.start <= word.start && word.end <= name.end
  );
  if (named?.name !== undefined) {
    const table = tableNamed(view, named.name.parts, named.name.start);
    return table === undefined ? undefined : await tableText(view, table);
  }
  if (qualifier.length > 0) {
    const relation = relationNamed(relations, qualifier);
    return relation === undefined ? undefined : await columnText(view, relation, word.text);
  }
  const alias = relations.find((one) => isSameName(calledBy(one) ?? "", word.text));
  const output = await outputText(view, place);
  if (output !== undefined) return output;
  for (const { relation, columns } of await visibleColumns(view, offset)) {
    if (findColumn(columns, word.text) !== undefined) return await columnText(view, relation, word.text);
  }
  if (alias !== undefined) return await relationText(view, alias);
  return await functionText(view, word.text);
}

async function tableText(view: SqlView, table: KnownTable): Promise<string> {
  const columns = await columnsOfTable(view, table);
  const list = columns.slice(0, MOST_COLUMNS).map(({ name, type }) =>
    `${name}${type === "" ? "" : ` ${type}`}`
  );
  const more = columns.length > MOST_COLUMNS ? [`… and ${columns.length - MOST_COLUMNS} more`] : [];
  const known = list.length === 0
    ? "Its columns are not known."
    : `\`\`\`sql\n${[...list, ...more].join("\n")}\n\`\`\``;
  if (table.kind === "cte") return `**${table.cte.name.parts[0]}** (WITH)\n\n${known}`;
  if (table.kind === "stream") {
    const stream = view.pipeline?.loaded.sketch?.definition.extract[table.name];
    const from = stream === undefined ? "" : ` of connector \`${stream.connector}\``;
    return `**raw.${table.name}**: a stream${from}\n\n${known}`;
  }
  const { file } = table;
  const model = file?.path.endsWith(".sql") === true ? view.space.modelAt(file) : undefined;
  const what = file?.path.startsWith("seeds/") === true
    ? "a seed"
    : `a model, ${model?.materialized ?? "table"}`;
  const description = model?.description === undefined ? "" : `\n\n${model.description}`;
  return `**${table.name}**: ${what}${description}\n\n${known}`;
}

async function relationText(view: SqlView, relation: SqlRelation): Promise<string | undefined> {
  const table = relation.name === undefined
    ? undefined
    : tableNamed(view, relation.name.parts, relation.name.start);
  if (table !== undefined) return await tableText(view, table);
  const columns = await columnsOfRelation(view, relation);
  return `\`\`\`sql\n${columns.map(({ name, type }) => `${name} ${type}`).join("\n")}\n\`\`\``;
}

async function columnText(view: SqlView, relation: SqlRelation, name: string): Promise<string | undefined> {
  const column = findColumn(await columnsOfRelation(view, relation), name);
  if (column === undefined) return undefined;
  const table = relation.name === undefined
    ? undefined
    : tableNamed(view, relation.name.parts, relation.name.start);
  const head = `\`\`\`sql\n${column.name} ${column.type}\n\`\`\``;
  if (table === undefined || table.kind === "cte") return `${head}\n\nof ${calledBy(relation) ?? "a query"}`;
  const id = table.kind === "model" ? `main.${table.name}` : `raw.${table.name}`;
  const described = table.kind === "model" && table.file !== undefined
    ? Object.entries(view.space.modelAt(table.file)?.columns ?? {}).find(([one]) => isSameName(one, name))
      ?.[1].description
    : undefined;
  return [head, `of ${id.replace(/^main\./, "")}`, described, await sourcesText(view, id, column.name)]
    .filter((part) => part !== undefined).join("\n\n");
}

/** A name that the last list of a model gives: a column of its table. */
async function outputText(view: SqlView, { word }: SqlPlace): Promise<string | undefined> {
  const { scopes, path, pipeline, space } = view;
  const outputs = scopes[0]?.selects.flatMap((select) => select.outputs) ?? [];
  const output = outputs.find(({ start }) => start === word.start);
  if (output === undefined || pipeline === undefined) return undefined;
  const own = [...space.tableFiles(pipeline)].find(([, file]) => file.path === path)?.[0];
  const model = Object.keys(pipeline.modelColumns).find((name) => nameKey(name) === own);
  const column = findColumn(pipeline.modelColumns[model ?? ""] ?? [], word.text);
  if (model === undefined || column === undefined) return undefined;
  const described = space.modelAt({ path, text: view.sql })?.columns[column.name]?.description;
  return [
    `\`\`\`sql\n${column.name} ${column.type}\n\`\`\``,
    described,
    await sourcesText(view, `main.${model}`, column.name),
  ]
    .filter((part) => part !== undefined).join("\n\n");
}

/** Where a column comes from. */
async function sourcesText(
  { space, pipeline }: SqlView,
  id: string,
  name: string,
): Promise<string | undefined> {
  if (pipeline === undefined) return undefined;
  const lineage = await space.lineage(pipeline.loaded.name);
  const table: TableLineage | undefined = lineage?.tables.find((one) => isSameName(one.id, id));
  const column = table?.columns.find((one) => isSameName(one.name, name));
  if (column === undefined) {
    return table?.unknown === undefined ? undefined : `Where it comes from is not known: ${table.unknown}`;
  }
  const sources = column.sources.map((source) =>
    `- \`${source.table.replace(/^main\./, "")}.${source.column}\`${
      source.way === "direct" ? "" : ` (${source.way})`
    }`
  );
  const pii = column.pii === true ? ["Holds personal data."] : [];
  return [...pii, ...(sources.length === 0 ? [] : [`From\n${sources.join("\n")}`])].join("\n\n") || undefined;
}

async function functionText({ space }: SqlView, name: string): Promise<string | undefined> {
  const macro = (await space.macros()).find((one) => isSameName(one.name, name));
  if (macro !== undefined) {
    return `\`\`\`sql\nCREATE MACRO ${macro.name}${
      macro.text.slice(macro.start, macro.end)
    }\n\`\`\`\n\n${macro.path}`;
  }
  const forms = (await space.checker.functions()).filter((one) => isSameName(one.name, name));
  if (forms.length === 0) return undefined;
  const more = forms.length > MOST_FORMS ? `\n… and ${forms.length - MOST_FORMS} more` : "";
  const description = forms.find((form) => form.description !== undefined)?.description;
  const list = forms.slice(0, MOST_FORMS).map(signature).join("\n");
  return `\`\`\`sql\n${list}${more}\n\`\`\`${description === undefined ? "" : `\n\n${description}`}`;
}
