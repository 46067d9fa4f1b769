import type { ColumnDocs, PipelineDocs, ProjectDocs, TableDocs } from "../../contract/docs/project_docs.ts";

/** Names and descriptions with what could break a page, a path or a script, and two that differ by case alone. */
export const HOSTILE = `</script><img src=x onerror="alert(1)">&amp;'"\u202e`;

const NOTHING: Omit<TableDocs, "id" | "kind" | "name" | "reads"> = {
  columns: [],
  influences: [],
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

function column(name: string, source?: { readonly table: string; readonly column: string }): ColumnDocs {
  return {
    name,
    type: "VARCHAR",
    description: HOSTILE,
    sources: source === undefined ? [] : [{ ...source, way: "direct" }],
  };
}

function pipeline(name: string, tables: TableDocs[]): PipelineDocs {
  return {
    name,
    description: HOSTILE,
    owner: "@ops",
    tags: [HOSTILE],
    schedules: ["every day at 06:30"],
    after: [],
    freshness: "1d",
    params: [{ name: "day", type: "date", description: HOSTILE }],
    tables,
    last: null,
  };
}

const ID = `odd "id" <b>#?%`;

export const DOCS_SAMPLE: ProjectDocs = {
  format: 1,
  title: HOSTILE,
  pipelines: [
    {
      ...pipeline("shop", [
        {
          ...NOTHING,
          id: "source:orders",
          kind: "source",
          name: "orders",
          connector: "erp",
          address: HOSTILE,
          reads: [],
          columns: [column(ID)],
        },
        {
          ...NOTHING,
          id: "raw.orders",
          kind: "stream",
          name: "orders",
          reads: ["source:orders"],
          mode: "full",
          columns: [column(ID, { table: "source:orders", column: ID })],
          sql: `SELECT '${HOSTILE}'`,
        },
        {
          ...NOTHING,
          id: "main.Daily",
          kind: "model",
          name: "Daily",
          reads: ["raw.orders"],
          materialized: "table",
          description: HOSTILE,
          file: "transforms/shop/Daily.sql",
          sql: `SELECT "${ID}" FROM raw.orders -- ${HOSTILE}`,
          columns: [{ ...column(ID, { table: "raw.orders", column: ID }), pii: true }],
          checks: [{
            name: "not_null_id",
            label: HOSTILE,
            column: ID,
            severity: "warn",
            sql: "SELECT 1",
            last: { state: "warned", rows: 3, at: "2026-11-27T18:00:00.000Z" },
          }],
          last: { rows: 12, changed_at: "2026-11-27T18:00:00.000Z" },
        },
        {
          ...NOTHING,
          id: "main.index",
          kind: "model",
          name: "index",
          reads: ["main.Daily"],
          unknown: HOSTILE,
        },
        {
          ...NOTHING,
          id: "target:Daily→lake",
          kind: "target",
          name: "Daily",
          connector: "lake",
          address: HOSTILE,
          mode: "replace",
          reads: ["main.Daily"],
          columns: [{ ...column(ID, { table: "main.Daily", column: ID }), pii: true }],
        },
      ]),
      last: {
        run: "01",
        state: "succeeded",
        warnings: 1,
        finished_at: "2026-11-27T18:00:00.000Z",
        duration_ms: 1200,
        succeeded_at: "2026-11-27T18:00:00.000Z",
      },
    },
    { ...pipeline("Shop", []), after: ["shop", "elsewhere"] },
  ],
  macros: [{ name: ID, file: "macros/a.sql", is_table: false, description: HOSTILE, sql: HOSTILE }],
};
