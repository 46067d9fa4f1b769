import { deepEqual, equal, match } from "node:assert/strict";
import { failureOf, readEndpoint, startApi } from "../../support/api_bench.ts";
import { linesOf, LOOPBACK_POLICY, runUnderPolicy } from "../../support/api_project.ts";
import { TestProject } from "../../support/test_project.ts";

/** Configurations in the words of dlt's REST source, with the renamings of the manual's table and no others. */

type Json = null | boolean | number | string | readonly Json[] | JsonObject;
interface JsonObject {
  readonly [key: string]: Json;
}

interface DltConfig {
  readonly client: JsonObject;
  readonly resource_defaults?: JsonObject;
  readonly resources: readonly (string | JsonObject)[];
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The second one's values count. */
function merged(one: JsonObject, other: JsonObject): JsonObject {
  const both = Object.entries(other).map(([key, value]) => {
    const before = one[key];
    return [key, isObject(before) && isObject(value) ? merged(before, value) : value] as const;
  });
  return { ...one, ...Object.fromEntries(both) };
}

const at = (value: Json | undefined, path: readonly string[]): Json | undefined =>
  path.reduce<Json | undefined>((found, key) => isObject(found) ? found[key] : undefined, value);

function put(object: JsonObject, [key = "", ...rest]: readonly string[], value: Json): JsonObject {
  const inner = object[key];
  return { ...object, [key]: rest.length === 0 ? value : put(isObject(inner) ? inner : {}, rest, value) };
}

function without(object: JsonObject, [key = "", ...rest]: readonly string[]): JsonObject {
  const { [key]: inner, ...others } = object;
  return rest.length === 0 || !isObject(inner) ? others : { ...others, [key]: without(inner, rest) };
}

interface Renaming {
  readonly from: readonly string[];
  /** Undefined for any, which goes over. */
  readonly value: string | undefined;
  readonly isWithoutIncremental: boolean;
  readonly to: readonly string[];
  readonly becomes: string | undefined;
}

/** The rows of the manual's table, the longest paths last: what they take out of an object is put in by others before. */
async function renamings(): Promise<Renaming[]> {
  const manual = await Deno.readTextFile(new URL("../../../docs/connectors.md", import.meta.url));
  const table = /\n#### From dlt\n[\s\S]*?\n\| -+ \| -+ *\|\n((?:\|.*\n)+)/.exec(manual)?.[1] ?? "";
  const place = (code: string) => {
    const [path = "", value] = code.split(": ");
    return { path: path.split("."), value };
  };
  return [...table.matchAll(/^\| `([^`]+)`(.*?)\| `([^`]+)` *\|$/gm)].map(
    ([, from = "", note = "", to = ""]) => {
      const [dlt, here] = [place(from), place(to)];
      return {
        from: dlt.path,
        value: dlt.value,
        isWithoutIncremental: /without an `incremental`/.test(note),
        to: here.path,
        becomes: here.value,
      };
    },
  ).toSorted((one, other) => one.from.length - other.from.length);
}

/** The configuration in the house's words: by the table, and by the lines below it. */
async function carriedOver({ client, resource_defaults: defaults = {}, resources }: DltConfig) {
  const rows = await renamings();
  const named = resources.map((one) => merged(defaults, typeof one === "string" ? { name: one } : one));
  const connector = rows.filter(({ to }) => to[0] === "connector").reduce<JsonObject>(
    (made, { from, to }) => {
      const value = at({ client }, from);
      return value === undefined ? made : put(made, to.slice(1), value);
    },
    { type: "http" },
  );
  const extract = Object.fromEntries(named.map(({ name, ...resource }) => {
    const { endpoint = {} } = resource;
    const path = isObject(endpoint) ? { path: name ?? "", ...endpoint } : { path: endpoint };
    const given: JsonObject = { client, resource: { ...resource, endpoint: path } };
    const isIncremental = at(given, ["resource", "endpoint", "incremental"]) !== undefined;
    let stream: JsonObject = { connector: "api" };
    for (const { from, value, isWithoutIncremental, to, becomes } of rows) {
      const found = at(given, from);
      if (to[0] !== "stream" || found === undefined || value !== undefined && found !== value) continue;
      if (value === "merge" && isWithoutIncremental === isIncremental) continue;
      const hasOwn = from[0] === "client" && at(resource, ["endpoint", "paginator"]) !== undefined;
      if (hasOwn) continue;
      // A key of the endpoint that has another place here leaves the one that it had.
      if (from.length > 2) stream = without(stream, from.slice(1));
      stream = put(stream, to.slice(1), becomes ?? found);
    }
    const paginator = at(stream, ["endpoint", "paginator"]);
    if (typeof paginator === "string") stream = put(stream, ["endpoint", "paginator"], { type: paginator });
    const key = stream["primary_key"];
    if (typeof key === "string") stream = put(stream, ["primary_key"], [key]);
    return [String(name), stream];
  }));
  return { connector, extract };
}

/** A project that reads what the configuration says, and writes each stream into a file. */
async function projectOf(config: DltConfig): Promise<TestProject> {
  const { connector, extract } = await carriedOver(config);
  const load = Object.fromEntries(
    Object.keys(extract).map((name) => [name, { connector: "files", path: `out/${name}.csv` }]),
  );
  return await TestProject.create({
    "policy.yaml": LOOPBACK_POLICY,
    "connectors.yaml": JSON.stringify({ api: connector, files: { type: "file" } }),
    "pipelines/p.yaml": JSON.stringify({ extract, load }),
  });
}

Deno.test("an API of lists with links, as of a catalogue of animals", async () => {
  const all = Array.from({ length: 25 }, (_, at) => ({ name: `animal ${at}`, url: `/v2/animal/${at}/` }));
  await using api = await startApi((url) => {
    const offset = Number(url.searchParams.get("offset") ?? 0);
    const limit = Number(url.searchParams.get("limit") ?? 20);
    const list = url.pathname.startsWith("/v2/animal") ? all : all.slice(0, 3);
    const next = offset + limit < list.length
      ? `http://127.0.0.1:${api.port}${url.pathname}?offset=${offset + limit}&limit=${limit}`
      : null;
    return { count: list.length, next, previous: null, results: list.slice(offset, offset + limit) };
  });
  await using project = await projectOf({
    client: { base_url: `${api.url}/v2/`, paginator: "json_link" },
    resource_defaults: { write_disposition: "replace", endpoint: { params: { limit: 10 } } },
    resources: [
      "animal",
      {
        name: "berry",
        endpoint: { paginator: { type: "json_link", next_url_path: "next" }, params: { limit: 2 } },
      },
      { name: "place", endpoint: "location" },
    ],
  });
  const { code, stdout, stderr } = await runUnderPolicy(project);
  equal(code, 0, stdout + stderr);
  deepEqual(await linesOf(project, "animal"), ["name,url", ...all.map(({ name, url }) => `${name},${url}`)]);
  equal((await linesOf(project, "berry")).length, 4);
  equal((await linesOf(project, "place")).length, 4);
});

Deno.test("issues and their comments, with a token, links in headers and a window", async () => {
  const issues = Array.from({ length: 5 }, (_, at) => ({
    id: 100 + at,
    number: at + 1,
    title: `issue ${at}`,
    user: { login: "me" },
    updated_at: `2026-03-0${at + 1}T00:00:00Z`,
  }));
  await using api = await startApi((url) => {
    const page = Number(url.searchParams.get("page") ?? 1);
    const size = Number(url.searchParams.get("per_page") ?? 2);
    const comments = /issues\/(\d+)\/comments$/.exec(url.pathname);
    const since = url.searchParams.get("since") ?? "";
    const list: unknown[] = comments === null
      ? issues.filter(({ updated_at: at }) => at >= since)
      : Array.from({ length: Number(comments[1]) % 3 }, (_, at) => ({ body: `comment ${at}` }));
    const next = new URL(url);
    next.searchParams.set("page", String(page + 1));
    const link = `<http://127.0.0.1:${api.port}${next.pathname}${next.search}>; rel="next"`;
    return Response.json(list.slice((page - 1) * size, page * size), {
      headers: page * size < list.length ? { link } : {},
    });
  });
  await using project = await projectOf({
    client: {
      base_url: `${api.url}/repos/a/b/`,
      auth: { type: "bearer", token: "${env:TOKEN}" },
      paginator: { type: "header_link" },
    },
    resource_defaults: {
      primary_key: "id",
      write_disposition: "merge",
      endpoint: { params: { per_page: 2 } },
    },
    resources: [
      {
        name: "issues",
        endpoint: {
          path: "issues",
          params: { sort: "updated", direction: "desc", state: "open", since: "{incremental.start_value}" },
          incremental: { cursor_path: "updated_at", initial_value: "2026-03-02T00:00:00Z" },
        },
      },
      {
        name: "issue_comments",
        primary_key: ["_issues_id", "body"],
        endpoint: { path: "issues/{resources.issues.number}/comments" },
        include_from_parent: ["id"],
      },
    ],
  });
  const { code, stdout, stderr } = await runUnderPolicy(project);
  equal(code, 0, stdout + stderr);
  equal((await linesOf(project, "issues")).length, 5);
  deepEqual((await linesOf(project, "issue_comments")).toSorted(), [
    "101,comment 0",
    "101,comment 1",
    "103,comment 0",
    "104,comment 0",
    "104,comment 1",
    "_issues_id,body",
  ]);
});

Deno.test("GraphQL over POST goes on by the cursor in its variables", async () => {
  const QUERY =
    "query($after: String) { repo { issues(after: $after) { nodes { id } pageInfo { endCursor hasNextPage } } } }";
  await using api = await startApi((_url, _count, body) => {
    const { query, variables: { after, owner } } = JSON.parse(body);
    if (query !== QUERY || owner !== "me") return { errors: [{ message: "another query" }] };
    const from = Number(after ?? 0);
    const nodes = [1, 2, 3, 4, 5].slice(from, from + 2).map((id) => ({ id }));
    return {
      data: {
        repo: { issues: { nodes, pageInfo: { endCursor: `${from + 2}`, hasNextPage: from + 2 < 5 } } },
      },
    };
  });
  const endpoint = {
    path: "graphql",
    json: { query: QUERY, variables: { owner: "me" } },
    data_selector: "data.repo.issues.nodes",
    paginator: {
      type: "cursor",
      cursor_path: "data.repo.issues.pageInfo.endCursor",
      cursor_body_path: "variables.after",
      has_more_path: "data.repo.issues.pageInfo.hasNextPage",
    },
  };
  deepEqual((await readEndpoint(api.url, endpoint)).map(({ id }) => Number(id)), [1, 2, 3, 4, 5]);
  const wrong = { ...endpoint, json: { query: "query { other }", variables: {} } };
  match((await failureOf(readEndpoint(api.url, wrong))).message, /says that it failed: "another query"/);
});

Deno.test("the manual's table is applied row by row", async () => {
  const rows = await renamings();
  equal(rows.length, 13);
  const { connector, extract } = await carriedOver({
    client: { base_url: "https://a", headers: { x: "y" } },
    resource_defaults: { write_disposition: "append" },
    resources: [{
      name: "a",
      write_disposition: "merge",
      endpoint: { path: "p", incremental: { cursor_path: "at", start_param: "since", convert: "date" } },
    }, "b"],
  });
  deepEqual(connector, { type: "http", base_url: "https://a", headers: { x: "y" } });
  deepEqual(extract, {
    a: {
      connector: "api",
      mode: "incremental",
      update_key: "at",
      endpoint: { path: "p", incremental: { start_param: "since", format: "date" } },
    },
    b: { connector: "api", mode: "append", endpoint: { path: "b" } },
  });
});
