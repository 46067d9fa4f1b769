import { deepEqual, equal, match } from "node:assert/strict";
import * as v from "valibot";
import { http } from "../../../connectors/http/connector.ts";
import { failureOf, readEndpoint, startApi } from "../../support/api_bench.ts";

/** What endpoints say of odd pages: rows that are lists, failures of status 200, cursors in the last record. */

Deno.test("lists become rows by the names in the first of them", async () => {
  await using api = await startApi((url) =>
    url.searchParams.get("page") === "1"
      ? { values: [["id", "", "id", "Name"], [1, "x", 9007199254740993n.toString(), "Ann"], [], [2]] }
      : { values: [[3, null, "7", "Cid", true]] }
  );
  const rows = await readEndpoint(api.url, {
    path: "sheet",
    data_selector: "values",
    list_names: "first",
    paginator: { type: "page_number", base_page: 1, maximum_page: 2 },
  });
  deepEqual(rows.map(({ id, ...rest }) => ({ id: Number(id), ...rest })), [
    { id: 1, column_2: "x", id_1: "9007199254740993", Name: "Ann", column_5: null },
    { id: 2, column_2: null, id_1: null, Name: null, column_5: null },
    { id: 3, column_2: null, id_1: "7", Name: "Cid", column_5: true },
  ]);
});

Deno.test("each row of a parent has its own first list with names", async () => {
  await using api = await startApi((url) => {
    const sheet = url.pathname.split("/").at(-1);
    return { values: sheet === "a" ? [["x", "y"], [1, 2]] : [["y", "x"], [4, 3], [6, 5]] };
  });
  const rows = await readEndpoint(api.url, {
    path: "sheets/{resources.sheets.name}",
    data_selector: "values",
    list_names: "first",
    paginator: { type: "single_page" },
    include_from_parent: ["name"],
  }, {
    parentRows: ["a", "b"].map((name) => ({ texts: { name }, json: { name: JSON.stringify(name) } })),
  });
  const found = rows.map(({ x, y, _sheets_name: name }) => `${name} ${x} ${y}`).toSorted();
  deepEqual(found, ["a 1 2", "b 3 4", "b 5 6"]);
});

Deno.test("lists become rows by names that are given, with every digit and nested value", async () => {
  await using api = await startApi(() => '[[1735689600, 12345678901234567890.12, {"a": {"b": 1}}]]');
  const endpoint = { path: "prices", list_names: ["at", "price", "more"], flatten: true };
  const [row] = await readEndpoint(api.url, { ...endpoint, paginator: { type: "single_page" } });
  deepEqual(Object.keys(row ?? {}), ["at", "price", "more__a__b"]);
  match(String(row?.["price"]), /^12345678901234567890\.12$/);
  const { code, message } = await failureOf(readEndpoint(api.url, { ...endpoint, data_selector: "[0][2]" }));
  equal(code, "invalid");
  match(message, /list_names is for records that are lists/);
});

Deno.test("a page of status 200 fails or has no records by a value that it has", async () => {
  await using api = await startApi((url) => {
    switch (url.pathname) {
      case "/good":
        return { ok: true, items: [{ id: 1 }] };
      case "/empty":
        return { ok: false, error: "not_in_channel", items: [{ id: 1, odd: "x" }] };
      default:
        return { ok: false, error: "invalid_auth" };
    }
  });
  const actions = {
    data_selector: "items",
    response_actions: [
      { value_path: "error", value: "not_in_channel", action: "ignore" },
      { value_path: "ok", value: false, action: "fail" },
    ],
  };
  deepEqual((await readEndpoint(api.url, { path: "good", ...actions })).length, 1);
  deepEqual(await readEndpoint(api.url, { path: "empty", ...actions }), []);
  const { code, message } = await failureOf(readEndpoint(api.url, { path: "bad", ...actions }));
  equal(code, "invalid");
  match(message, /page 1: The server says that it failed: "invalid_auth" \(ok: false\)/);
});

Deno.test("the id of the last record goes on where the page says that there are more", async () => {
  await using api = await startApi((url) => {
    const after = Number(url.searchParams.get("starting_after") ?? 0);
    const data = [1, 2, 3, 4, 5].filter((id) => id > after).slice(0, 2).map((id) => ({ id }));
    return { data, has_more: after < 4 && data.length > 0 };
  });
  const paginator = {
    type: "cursor",
    cursor_path: "data[-1].id",
    cursor_param: "starting_after",
    has_more_path: "has_more",
  };
  const rows = await readEndpoint(api.url, { path: "charges", paginator });
  deepEqual(rows.map(({ id }) => Number(id)), [1, 2, 3, 4, 5]);
  deepEqual(api.asked, ["/charges", "/charges?starting_after=2", "/charges?starting_after=4"]);
});

Deno.test("a body and a total have no place that counts from the end", () => {
  const isRight = (paginator: unknown) => v.is(http.streamSchema, { endpoint: { path: "x", paginator } });
  equal(isRight({ type: "cursor", cursor_path: "data[-1].id" }), true);
  equal(isRight({ type: "cursor", cursor_path: "next", cursor_body_path: "pages[-1]" }), false);
  equal(isRight({ type: "offset", limit: 2, total_path: "totals[-1]" }), false);
});

Deno.test("data_selector may count from the end", async () => {
  await using api = await startApi(() => ({ groups: [{ items: [{ id: 1 }] }, { items: [{ id: 2 }] }] }));
  const rows = await readEndpoint(api.url, { path: "x", data_selector: "groups[-1].items" });
  deepEqual(rows.map(({ id }) => Number(id)), [2]);
});
