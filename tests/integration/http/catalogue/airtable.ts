import { below, failed, type FakeApi } from "./fake_api.ts";

/** https://airtable.com/developers/web/api: the offset of a page goes on; fields that are empty are left out. */
export function airtable(): FakeApi {
  const records = [1, 2, 3].map((n) => ({
    id: `rec${n}`,
    createdTime: "2026-01-01T00:00:00.000Z",
    fields: n === 2 ? { Name: "two" } : { Name: `n${n}`, "Order total": n + 0.5 },
  }));
  return {
    name: "airtable",
    streams: undefined,
    origins: ["https://api.airtable.com"],
    values: { base: "app123", tables: "Open orders,People" },
    secrets: { AIRTABLE_TOKEN: "pat1.x" },
    answer({ path, params, header }) {
      if (header("authorization") !== "Bearer pat1.x") return failed(401, "Authentication required");
      if (path === "/v0/meta/bases/app123/tables") return { tables: [{ id: "tbl1", name: "Open orders" }] };
      const [table] = below(path, "/v0/app123/") ?? [];
      if (params.get("pageSize") !== "100") return failed(422, "pages are small");
      if (table === "People") return { records: [] };
      if (table !== "Open%20orders") return failed(404, "NOT_FOUND");
      const from = Number(params.get("offset")?.split("/").at(-1) ?? 0);
      return {
        records: records.slice(from, from + 2),
        ...(from + 2 < records.length ? { offset: `itr1/${from + 2}` } : {}),
      };
    },
    first: {
      'SELECT id, fields__Name, "fields__Order total" FROM raw.Open_orders ORDER BY id': [
        "rec1,n1,1.5",
        "rec2,two,null",
        "rec3,n3,3.5",
      ],
      "SELECT name FROM raw.tables": ["Open orders"],
    },
  };
}
