import { deepEqual, equal, match } from "node:assert/strict";
import { failureOf, readEndpoint, startApi } from "../../support/api_bench.ts";
import { linesOf, LOOPBACK_POLICY, runUnderPolicy } from "../../support/api_project.ts";
import { TestProject } from "../../support/test_project.ts";

/** Configurations in the words of dlt's REST source, with the renamings of the manual's table and no others. */

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
  await using project = await TestProject.create({
    "policy.yaml": LOOPBACK_POLICY,
    "connectors.yaml": `animals: { type: http, base_url: "${api.url}/v2/" }\nfiles: { type: file }\n`,
    "pipelines/p.yaml": `
extract:
  animal:
    connector: animals
    endpoint: { path: animal, params: { limit: 10 }, paginator: { type: json_link, next_url_path: next } }
  berry: { connector: animals, endpoint: { path: berry, params: { limit: 10 } } }
load:
  animal: { connector: files, path: out/animal.csv }
  berry: { connector: files, path: out/berry.csv }
`,
  });
  const { code, stdout, stderr } = await runUnderPolicy(project);
  equal(code, 0, stdout + stderr);
  deepEqual(await linesOf(project, "animal"), ["name,url", ...all.map(({ name, url }) => `${name},${url}`)]);
  equal((await linesOf(project, "berry")).length, 4);
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
  await using project = await TestProject.create({
    "policy.yaml": LOOPBACK_POLICY,
    "connectors.yaml":
      `forge: { type: http, base_url: "${api.url}/repos/a/b/", auth: { type: bearer, token: "\${env:TOKEN}" } }\nfiles: { type: file }\n`,
    "pipelines/p.yaml": `
extract:
  issues:
    connector: forge
    primary_key: [id]
    update_key: updated_at
    mode: incremental
    endpoint:
      path: issues
      params: { per_page: 2, sort: updated, direction: desc, state: open }
      paginator: { type: header_link }
      incremental: { start_param: since, initial_value: "2026-03-02T00:00:00Z" }
  issue_comments:
    connector: forge
    endpoint: { path: "issues/{resources.issues.number}/comments", include_from_parent: [id] }
load:
  issues: { connector: files, path: out/issues.csv }
  issue_comments: { connector: files, path: out/comments.csv }
`,
  });
  const { code, stdout, stderr } = await runUnderPolicy(project);
  equal(code, 0, stdout + stderr);
  equal((await linesOf(project, "issues")).length, 5);
  deepEqual((await linesOf(project, "comments")).toSorted(), [
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
