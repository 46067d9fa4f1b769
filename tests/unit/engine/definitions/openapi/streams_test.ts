import { deepEqual, equal, match } from "node:assert/strict";
import { nameStreams } from "../../../../../engine/definitions/openapi/stream_names.ts";
import { array, get, integer, object, openapi, query, read, text, time } from "./documents.ts";

/** Keys, changes, parameters, parents and names of streams. */

const user = object({ id: integer, email: text });
const inPath = (name: string, more: Record<string, unknown> = {}) => ({
  name,
  in: "path",
  required: true,
  schema: text,
  ...more,
});

const streamsOf = (paths: Record<string, unknown>) => read(openapi(paths)).api.streams;
const keyOf = (item: unknown) => streamsOf({ "/orders": get(array(item)) })["orders"]?.["primary_key"];

Deno.test("readOpenApi() takes for the key what identifies a record, and several columns only where that is said", () => {
  deepEqual(keyOf(object({ name: text, id: integer })), ["id"]);
  deepEqual(keyOf(object({ uuid: text, name: text })), ["uuid"]);
  deepEqual(keyOf(object({ customerId: text, orderId: text })), ["orderId"]);
  deepEqual(keyOf({ ...object({ region: text, number: integer }), "x-primary-key": ["region", "number"] }), [
    "region",
    "number",
  ]);
  deepEqual(keyOf(object({ id: integer, sku: { ...text, "x-primary-key": true } })), ["sku"]);
  deepEqual(keyOf({ allOf: [object({ id: integer }), object({ total: integer })] }), ["id"]);
  equal(keyOf(object({ customer_id: text, id: object({ value: text }) })), undefined);
  equal(keyOf(text), undefined);
});

Deno.test("readOpenApi() asks for what changed where a column that is a time shows when that was", () => {
  const changed = (param: unknown, item: Record<string, unknown>): Record<string, unknown> =>
    streamsOf({ "/orders": get(array(object({ id: integer, ...item })), [param]) })["orders"] ?? {};
  deepEqual(changed(query("updated_since", time), { updated_at: time }), {
    description: "GET /orders",
    endpoint: { path: "orders", incremental: { start_param: "updated_since" } },
    mode: "incremental",
    primary_key: ["id"],
    update_key: "updated_at",
  });
  const incremental = (param: unknown, item: Record<string, unknown>) =>
    Object(changed(param, item)["endpoint"])["incremental"];
  deepEqual(
    incremental(query("filter[modifiedAfter]", { type: "string", format: "date" }), { lastModified: time }),
    {
      start_param: "filter[modifiedAfter]",
      format: "date",
    },
  );
  deepEqual(incremental(query("modified_since", integer), { modified: time }), {
    start_param: "modified_since",
    format: "unix",
  });
  deepEqual(incremental(query("updated_after", integer, { required: true }), { updated: integer }), {
    start_param: "updated_after",
    initial_value: 0,
    format: "text",
  });
  deepEqual(
    incremental(query("since", text, { description: "Only those updated after this time" }), {
      updated_at: time,
    }),
    {
      start_param: "since",
    },
  );
  // An id, a time of creation, a column that is none, and one that is not there.
  const item = { updated_at: time };
  equal(incremental(query("since", integer, { description: "A user ID" }), item), undefined);
  equal(incremental(query("since", text, { description: "Created after this time" }), item), undefined);
  equal(incremental(query("updated_since", time), { updated_at: text }), undefined);
  equal(incremental(query("updated_since", time), { created_at: time }), undefined);
  equal(incremental(query("modified", time), item), undefined);
});

Deno.test("readOpenApi() reads whole, and says so, where something of an incremental stream is missing", () => {
  const param = query("updated_since", time);
  const { api, streamNotes } = read(openapi({
    "/users": get(array(user)),
    "/keyless": get(array(object({ updated_at: time })), [param]),
    "/timeless": get(array(user), [param]),
    "/users/{user_id}/posts": get(array(object({ id: integer, updated_at: time })), [
      inPath("user_id"),
      param,
    ]),
  }));
  equal(Object.values(api.streams).some((stream) => stream["mode"] !== undefined), false);
  match(streamNotes["keyless"]?.join() ?? "", /nothing tells the primary_key/);
  match(streamNotes["timeless"]?.join() ?? "", /no column that is a time shows when/);
  match(streamNotes["posts"]?.join() ?? "", /as a child of another stream it is read whole/);
});

Deno.test("readOpenApi() sends what an operation cannot do without, and asks the user for the rest", () => {
  const { api, needs, streamNotes } = read(openapi({
    "/reports": get(array(user), [
      query("kind", { type: "string", enum: ["sales"] }, { required: true }),
      query("currency", { type: "string", default: "EUR" }, { required: true }),
      query("account_id", { type: "string", example: "acc_1" }, { required: true, description: "Whose." }),
      query("color"),
      { name: "X-Version", in: "header", required: true, schema: { type: "string", default: "2024-01" } },
      { name: "Accept", in: "header", required: true, schema: text },
    ]),
    "/issues": get(array(user), [
      query("state", { type: "string", enum: ["open", "closed", "all"], default: "open" }),
      query("sort", { type: "string", enum: ["all", "none"], default: "none" }),
      query("tag_match", { type: "string", enum: ["all", "any"], default: "any" }),
      query("include_archived", { type: "boolean", default: false }),
      query("visibility", { type: "string", enum: ["public", "private"], default: "public" }),
      query("language", { type: "string", enum: ["en", "fr"], default: "en" }),
    ]),
  }));
  deepEqual(api.streams["reports"]?.["endpoint"], {
    path: "reports",
    params: { kind: "sales", currency: "EUR", account_id: "{values.account_id}" },
    headers: { "X-Version": "2024-01" },
  });
  deepEqual(needs, { reports: ["account_id"] });
  deepEqual(api.values["account_id"], { description: "Whose.", example: "acc_1", list: false });
  deepEqual(api.streams["issues"]?.["endpoint"], { path: "issues", params: { state: "all" } });
  deepEqual(streamNotes["issues"], [
    "state: all is sent, since the API leaves out others by default",
    "include_archived is false where nothing else is asked for: others may be left out",
    "visibility is public where nothing else is asked for: others may be left out",
  ]);
});

Deno.test("readOpenApi() makes children of lists below the records of another list", () => {
  const { api, needs } = read(openapi({
    "/users": get(array(user)),
    "/users/{user_id}/posts/": get(array(object({ id: integer, user_id: integer })), [inPath("user_id")]),
    "/users/{userId}/posts/{post}/comments": get(array(object({ id: integer })), [
      inPath("userId"),
      inPath("post"),
    ]),
    "/users/{u}/posts/{p}/comments/{comment_id}/likes": get(array(object({ name: text }))),
    "/currencies": get(array(object({ code: text, name: text }))),
    "/currencies/{currency_code}/rates": get(array(object({ day: text }))),
    "/currencies/{name}/banks": get(array(object({ day: text }))),
  }));
  const endpoint = (name: string) => Object(api.streams[name]?.["endpoint"]);
  deepEqual(endpoint("posts"), {
    path: "users/{resources.users.id}/posts/",
    include_from_parent: ["id"],
  });
  deepEqual(endpoint("comments"), {
    path: "users/{resources.posts._users_id}/posts/{resources.posts.id}/comments",
    include_from_parent: ["id", "_users_id"],
  });
  deepEqual(endpoint("likes"), {
    path:
      "users/{resources.comments._posts__users_id}/posts/{resources.comments._posts_id}/comments/{resources.comments.id}/likes",
    include_from_parent: ["id"],
  });
  deepEqual(endpoint("rates"), {
    path: "currencies/{resources.currencies.code}/rates",
    include_from_parent: ["code"],
  });
  deepEqual(needs, {});
  equal(endpoint("banks").path, "currencies/{resources.currencies.name}/banks");
});

Deno.test("readOpenApi() finds the list of a path that ends in .json", () => {
  const { api } = read(openapi({
    "/2010/Accounts.json": get(object({ accounts: array(object({ sid: text })) })),
    "/2010/Accounts/{AccountSid}/Calls.json": get(object({ calls: array(object({ sid: text })) })),
  }));
  deepEqual(api.streams["Calls"]?.["endpoint"], {
    path: "2010/Accounts/{resources.Accounts.sid}/Calls.json",
    data_selector: "calls",
    include_from_parent: ["sid"],
  });
});

Deno.test("readOpenApi() goes on from a list that is asked for by a value, and does not guess at foreign columns", () => {
  const { api, needs } = read(openapi({
    "/repos/{owner}/{repo}/issues": get(array(object({ number: integer, owner: text })), [
      inPath("owner", { description: "Who owns it." }),
      inPath("repo"),
    ]),
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": get(array(object({ id: integer }))),
    "/packages": get(array(object({ id: integer, kind: text, login: text }))),
    "/packages/{kind}/versions": get(array(object({ id: integer }))),
    "/{tenant}/{id}/logs": get(array(object({ id: integer }))),
    "/{format}/formats": get(array(object({ id: integer })), [
      inPath("format", { schema: { enum: ["a b"] } }),
    ]),
  }));
  const path = (name: string) => Object(api.streams[name]?.["endpoint"]).path;
  equal(path("issues"), "repos/{values.owner}/{values.repo}/issues");
  equal(path("comments"), "repos/{values.owner}/{values.repo}/issues/{resources.issues.number}/comments");
  equal(path("versions"), "packages/{values.kind}/versions");
  equal(path("formats"), "a%20b/formats");
  deepEqual(needs["comments"], ["owner", "repo"]);
  deepEqual(needs["logs"], ["tenant", "id"]);
  equal(api.values["owner"]?.description, "Who owns it.");
});

Deno.test("nameStreams() takes as much of a path as tells it from the others", () => {
  const named = (...paths: string[]) => nameStreams(paths.map((path) => ({ path, operationId: undefined })));
  deepEqual(named("/api/v2/orders.json", "/api/v2/customers"), ["orders", "customers"]);
  deepEqual(named("/posts", "/users/{id}/posts", "/users"), ["posts", "users_posts", "users"]);
  deepEqual(named("/a/items", "/b/items", "/a/{id}/items"), ["a_items", "b_items", "a_items_by_id"]);
  deepEqual(named("/pull-requests", "/Pull_Requests"), ["pull_requests", "Pull_Requests_2"]);
  deepEqual(named("/", "/{id}", "/main", "/2024", "/naïve/日本"), [
    "records",
    "by_id",
    "main_records",
    "_2024",
    "na_ve",
  ]);
  deepEqual(nameStreams([{ path: "/{id}", operationId: "listThings" }]), ["by_id"]);
  const long = named(`/${"x".repeat(200)}`, `/${"x".repeat(201)}`);
  deepEqual(long.map((name) => name.length <= 63), [true, true]);
  equal(new Set(long).size, 2);
});
