import { below, type Call, failed, type FakeApi } from "./fake_api.ts";

/** https://developers.notion.com/reference: next_cursor goes into the body of a POST, or the query of a GET. */
export function notion(): FakeApi {
  const rows = [1, 2, 3].map((n) => ({
    object: "page",
    id: `row-${n}`,
    last_edited_time: `2026-07-0${n}T09:00:00.000Z`,
    properties: { Name: { type: "title", title: [{ plain_text: `row ${n}` }] } },
  }));
  const list = (all: readonly unknown[], cursor: unknown) => {
    const from = Number(String(cursor ?? "c0").slice(1));
    const more = from + 2 < all.length;
    return {
      object: "list",
      results: all.slice(from, from + 2),
      has_more: more,
      next_cursor: more ? `c${from + 2}` : null,
    };
  };
  const objects = (kind: string) => ["a", "b", "c"].map((name) => ({ object: kind, id: `${kind}-${name}` }));
  const since = ({ body }: Call): string | undefined => {
    const { filter } = body;
    const text = JSON.stringify(filter);
    return /^\{"timestamp":"last_edited_time","last_edited_time":\{"on_or_after":"([^"]+)"\}\}$/.exec(text)
      ?.[1];
  };
  return {
    name: "notion",
    streams: ["database_rows", "blocks", "users"],
    origins: ["https://api.notion.com"],
    values: {},
    secrets: { NOTION_TOKEN: "ntn_1" },
    answer(call) {
      if (call.header("authorization") !== "Bearer ntn_1") return failed(401, "API token is invalid.");
      if (call.header("notion-version") !== "2022-06-28") return failed(400, "no version");
      const { body, params, method } = call;
      const [kind, id, inner] = below(call.path, "/v1/") ?? [];
      if (method === "POST" && body["page_size"] !== 100) return failed(400, "pages are small");
      if (method === "POST" && kind === "search") {
        const [, object = ""] = /"value":"(database|page)"/.exec(JSON.stringify(body["filter"])) ?? [];
        return list(objects(object), body["start_cursor"]);
      }
      if (method === "POST" && kind === "databases" && inner === "query") {
        const from = since(call);
        if (from === undefined) return failed(400, "body failed validation");
        const found = id === "database-a" ? rows.filter(({ last_edited_time: at }) => at >= from) : [];
        return list(found, body["start_cursor"]);
      }
      const cursor = params.get("start_cursor");
      if (kind === "users") {
        return list(["u1", "u2", "u3"].map((user) => ({ object: "user", id: user })), cursor);
      }
      if (kind === "blocks" && inner === "children") {
        return list([1, 2, 3].map((n) => ({ object: "block", id: `${id}-${n}` })), cursor);
      }
      return failed(404, "Could not find object");
    },
    first: {
      "SELECT id FROM raw.databases ORDER BY id": ["database-a", "database-b", "database-c"],
      "SELECT _databases_id, id, properties.Name.title[1].plain_text FROM raw.database_rows ORDER BY id": [
        "database-a,row-1,row 1",
        "database-a,row-2,row 2",
        "database-a,row-3,row 3",
      ],
      "SELECT count(*), count(DISTINCT _pages_id) FROM raw.blocks": ["9,3"],
      "SELECT count(*) FROM raw.users": ["3"],
    },
    change() {
      rows.push({
        ...rows[0],
        object: "page",
        id: "row-4",
        last_edited_time: "2026-07-09T09:00:00.000Z",
        properties: { Name: { type: "title", title: [] } },
      });
    },
    again: ["database_rows"],
    second: { "SELECT max(id), count(*) FROM raw.database_rows": ["row-4,4"] },
    asked: [
      /POST \/v1\/databases\/database-a\/query .*"on_or_after":"2026-07-02T09:00:00Z"/,
    ],
  };
}
