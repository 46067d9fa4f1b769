import { nameKey } from "../../../contract/sql.ts";
import type { SqlFunction } from "../../../contract/jobs/live_job.ts";
import { RUN_VARIABLES } from "../../../sql/build/variables.ts";
import { placeIn, type SqlPlace } from "../../../sql/editing/place.ts";
import { calledBy, ctesAt, relationNamed, relationsAt } from "../../../sql/editing/read_scopes.ts";
import type { CompletionItem, CompletionList, TextDocument } from "../protocol.ts";
import { columnsOfRelation, type SqlView, streamsOf, visibleColumns } from "./sql_view.ts";

/** The kinds of the protocol, by what they are here. */
const KIND = {
  column: 5,
  function: 3,
  table: 7,
  stream: 22,
  cte: 6,
  keyword: 14,
  schema: 9,
  variable: 12,
} as const;

/** DuckDB has more; these are what is written every day. */
const KEYWORDS = [
  "SELECT",
  "FROM",
  "WHERE",
  "GROUP BY",
  "HAVING",
  "QUALIFY",
  "ORDER BY",
  "LIMIT",
  "WITH",
  "AS",
  "JOIN",
  "LEFT JOIN",
  "INNER JOIN",
  "FULL JOIN",
  "CROSS JOIN",
  "ASOF JOIN",
  "ON",
  "USING",
  "UNION ALL",
  "UNION ALL BY NAME",
  "EXCEPT",
  "INTERSECT",
  "DISTINCT",
  "CASE",
  "WHEN",
  "THEN",
  "ELSE",
  "END",
  "AND",
  "OR",
  "NOT",
  "IN",
  "IS NULL",
  "IS NOT NULL",
  "BETWEEN",
  "LIKE",
  "ILIKE",
  "OVER",
  "PARTITION BY",
  "FILTER",
  "EXCLUDE",
  "REPLACE",
  "INTERVAL",
  "CAST",
  "TRY_CAST",
  "NULL",
  "TRUE",
  "FALSE",
] as const;

export interface SqlCompletion {
  readonly view: SqlView;
  readonly document: TextDocument;
  readonly offset: number;
  readonly hasSnippets: boolean;
}

/** What may be written at a place of SQL. */
export async function completeSql(completion: SqlCompletion): Promise<CompletionList> {
  const { view, document, offset } = completion;
  const variable = variablePlace(view.sql, offset);
  const place = placeIn(view.sql, offset);
  if (variable === undefined && place.wants === "nothing") return { isIncomplete: false, items: [] };
  const items = variable !== undefined
    ? variableItems(view)
    : place.wants === "table"
    ? await tableItems(view, place)
    : await valueItems(completion, place);
  const range = {
    start: document.positionAt(variable ?? (place.wants === "table" ? place.start : place.word.start)),
    end: document.positionAt(offset),
  };
  return {
    // Functions are listed by what is written of them.
    isIncomplete: variable === undefined && place.wants === "value" && place.qualifier.length === 0,
    items: items.map(({ insertText, label, ...item }) => ({
      ...item,
      label,
      textEdit: { range, newText: insertText ?? label },
    })),
  };
}

/** Where the name begins that `getvariable('` is called with. */
function variablePlace(sql: string, offset: number): number | undefined {
  const before = /\bgetvariable\s*\(\s*'(\w*)$/i.exec(sql.slice(Math.max(0, offset - 200), offset));
  return before === null ? undefined : offset - (before[1]?.length ?? 0);
}

function variableItems({ pipeline }: SqlView): CompletionItem[] {
  const params = Object.entries(pipeline?.loaded.sketch?.definition.params ?? {});
  return [
    ...params.map(([label, { type }]) => ({ label, kind: KIND.variable, detail: `param, ${type}` })),
    ...RUN_VARIABLES.map((label) => ({ label, kind: KIND.variable, detail: "set by the run" })),
  ];
}

/** Names of tables as a query writes them, in the place of what is written with its dots. */
async function tableItems(view: SqlView, { start, qualifier }: SqlPlace): Promise<CompletionItem[]> {
  const { pipeline, scopes, space, path } = view;
  const schema = qualifier.length === 0 ? undefined : nameKey(qualifier[0] ?? "");
  const ctes = ctesAt(scopes, start).map(({ name }) => ({
    label: name.parts[0] ?? "",
    kind: KIND.cte,
    detail: "WITH",
    sortText: "0",
  }));
  if (pipeline === undefined) return ctes;
  const models = [...space.tableFiles(pipeline).values()].filter((file) => file.path !== path).map((file) => {
    const name = file.path.slice(file.path.lastIndexOf("/") + 1).replace(/\.(?:sql|csv)$/, "");
    const description = file.path.endsWith(".sql") ? space.modelAt(file)?.description : undefined;
    return {
      label: schema === "main" ? `main.${named(name)}` : named(name),
      filterText: schema === "main" ? `main.${name}` : name,
      kind: KIND.table,
      detail: file.path.startsWith("seeds/") ? "seed" : "model",
      sortText: "1",
      ...(description === undefined ? {} : { documentation: description }),
    };
  });
  const known = new Set(models.map(({ filterText }) => filterText.replace(/^main\./, "")));
  const seeds = (await space.seeds()).filter((name) => !known.has(name)).map((name) => ({
    label: schema === "main" ? `main.${named(name)}` : named(name),
    filterText: schema === "main" ? `main.${name}` : name,
    kind: KIND.table,
    detail: "seed",
    sortText: "1",
  }));
  const streams = streamsOf(pipeline).map((name) => ({
    label: `raw.${named(name)}`,
    filterText: `raw.${name}`,
    kind: KIND.stream,
    detail: "stream",
    sortText: "2",
  }));
  if (schema === "raw") return streams;
  return schema === "main" ? [...models, ...seeds] : [...ctes, ...models, ...seeds, ...streams];
}

const named = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;

async function valueItems(completion: SqlCompletion, place: SqlPlace): Promise<CompletionItem[]> {
  const { view, offset } = completion;
  if (place.qualifier.length > 0) {
    const relation = relationNamed(relationsAt(view.scopes, offset), place.qualifier);
    const columns = relation === undefined ? [] : await columnsOfRelation(view, relation);
    return columns.map(({ name, type }) => ({
      label: named(name),
      filterText: name,
      kind: KIND.column,
      detail: type,
    }));
  }
  const visible = await visibleColumns(view, offset);
  const count = new Map<string, number>();
  for (const { columns } of visible) {
    for (const { name } of columns) count.set(nameKey(name), (count.get(nameKey(name)) ?? 0) + 1);
  }
  const columns = visible.flatMap(({ relation, columns: list }) => {
    const called = calledBy(relation);
    return list.map(({ name, type }) => {
      // One that several tables have needs its table's name.
      const isClear = count.get(nameKey(name)) === 1 || called === undefined;
      return {
        label: isClear ? named(name) : `${named(called)}.${named(name)}`,
        filterText: name,
        kind: KIND.column,
        detail: type,
        sortText: `0${name}`,
        ...(called === undefined ? {} : { labelDetails: { description: called } }),
      };
    });
  });
  const relations = visible.flatMap(({ relation }) => {
    const called = calledBy(relation);
    return called === undefined
      ? []
      : [{ label: named(called), kind: KIND.schema, detail: "table", sortText: `1${called}` }];
  });
  const { text } = place.word;
  const prefix = text.slice(0, Math.max(0, offset - place.word.start)).toLowerCase();
  return [
    ...columns,
    ...relations,
    ...prefix === "" ? [] : await wordItems(completion, prefix, place.isCall),
  ];
}

/** Functions, macros and keywords that begin as what is written. */
async function wordItems(
  { view, hasSnippets }: SqlCompletion,
  prefix: string,
  isCall: boolean,
): Promise<CompletionItem[]> {
  const call = (label: string) =>
    isCall
      ? {}
      : hasSnippets
      ? { insertText: `${label}($0)`, insertTextFormat: 2 as const }
      : { insertText: `${label}(` };
  const macros = (await view.space.macros()).filter(({ name }) => name.toLowerCase().startsWith(prefix));
  const functions = Map.groupBy(
    (await view.space.checker.functions()).filter(({ name }) => name.startsWith(prefix)),
    ({ name }) => name,
  );
  const declared = Object.entries(view.pipeline?.loaded.sketch?.definition.functions ?? {})
    .filter(([name]) => name.toLowerCase().startsWith(prefix));
  return [
    ...macros.map(({ name, path }) => ({
      label: name,
      kind: KIND.function,
      detail: `macro, ${path}`,
      sortText: `2${name}`,
      ...call(name),
    })),
    ...declared.map(([name, { parameters, returns }]) => ({
      label: name,
      kind: KIND.function,
      detail: `${name}(${parameters.join(", ")}) → ${returns}`,
      sortText: `2${name}`,
      ...call(name),
    })),
    ...[...functions].map(([name, forms]) => ({
      label: name,
      kind: KIND.function,
      detail: signature(forms[0]) + (forms.length > 1 ? ` (+${forms.length - 1})` : ""),
      sortText: `3${name}`,
      ...documentationOf(forms),
      ...call(name),
    })),
    ...KEYWORDS.filter((word) => word.toLowerCase().startsWith(prefix)).map((label) => ({
      label,
      kind: KIND.keyword,
      sortText: `4${label}`,
    })),
  ];
}

function documentationOf(forms: readonly SqlFunction[]): Pick<CompletionItem, "documentation"> {
  const description = forms.find((form) => form.description !== undefined)?.description;
  return description === undefined ? {} : { documentation: description };
}

/** `date_trunc(part VARCHAR, ts TIMESTAMP) → TIMESTAMP` */
export function signature(form: SqlFunction | undefined): string {
  if (form === undefined) return "";
  const { name, parameters, returns } = form;
  return `${name}(${parameters.join(", ")})${returns === undefined ? "" : ` → ${returns}`}`;
}
