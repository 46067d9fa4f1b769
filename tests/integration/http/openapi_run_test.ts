import { deepEqual, equal, ok } from "node:assert/strict";
import { startApi } from "../../support/api_bench.ts";
import { LOOPBACK_POLICY } from "../../support/api_project.ts";
import { sluiceArgs } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

/** `sluice add --openapi`, and what it writes in whole runs. */

const USERS = 7;
const POSTS = 5;

const list = (item: string, more = "") => `
                type: object
                required: [data, total_pages]
                properties:
                  data: { type: array, items: { $ref: "#/components/schemas/${item}" } }
                  total_pages: { type: integer }
                  ${more}`;

/** An API of users, page by page, with the posts of each, by a cursor. */
const document = (server: string) => `
openapi: 3.0.3
info: { title: The Blog API, version: "2" }
servers: [{ url: "${server}/v1" }]
security: [{ token: [] }]
paths:
  /users:
    get:
      summary: All users
      parameters:
        - { name: page, in: query, schema: { type: integer, default: 1 } }
        - { name: per_page, in: query, schema: { type: integer, maximum: 3 } }
      responses:
        "200":
          description: A page
          content:
            application/json:
              schema:${list("User")}
  /users/{user_id}:
    get:
      responses:
        "200": { description: One, content: { application/json: { schema: { $ref: "#/components/schemas/User" } } } }
  /users/{user_id}/posts:
    get:
      parameters:
        - { name: user_id, in: path, required: true, schema: { type: integer } }
        - { name: cursor, in: query, schema: { type: string } }
      responses:
        "200":
          description: A page
          content:
            application/json:
              schema:${list("Post", "next_cursor: { type: string, nullable: true }")}
  /teams/{team}/members:
    get:
      responses:
        "200":
          description: All
          content: { application/json: { schema: { type: array, items: { $ref: "#/components/schemas/User" } } } }
components:
  securitySchemes: { token: { type: http, scheme: bearer } }
  schemas:
    User: { type: object, properties: { id: { type: integer }, name: { type: string } } }
    Post: { type: object, properties: { id: { type: string }, title: { type: string } } }
`;

async function startBlog() {
  const refused: string[] = [];
  const api = await startApi((url) => {
    const posts = /^\/v1\/users\/(\d+)\/posts$/.exec(url.pathname);
    if (posts !== null) {
      const from = Number(url.searchParams.get("cursor") ?? 0);
      const data = Array.from({ length: POSTS }, (_, at) => ({ id: `${posts[1]}-${at}`, title: "t" }));
      const next = from + 2;
      return {
        data: data.slice(from, next),
        total_pages: 3,
        next_cursor: next < POSTS ? String(next) : null,
      };
    }
    if (url.pathname === "/v1/teams/blue/members") return [{ id: 1, name: "a" }];
    if (url.pathname !== "/v1/users") {
      if (url.pathname !== "/v1") refused.push(url.pathname);
      return new Response("{}", { status: 404 });
    }
    const page = Number(url.searchParams.get("page"));
    const size = Number(url.searchParams.get("per_page"));
    const data = Array.from({ length: USERS }, (_, at) => ({ id: at + 1, name: `n${at}` }));
    return { data: data.slice((page - 1) * size, page * size), total_pages: Math.ceil(USERS / size) };
  });
  return Object.assign(api, { refused });
}

const blogProject = (url: string) =>
  TestProject.create({
    "policy.yaml": LOOPBACK_POLICY,
    "openapi.yaml": document(url),
    "pipelines/other.yaml": "extract: {}\n",
  });

Deno.test("what an OpenAPI document makes passes the check and loads every page and child, with the secret alone", async () => {
  await using blog = await startBlog();
  await using made = await blogProject(blog.url);
  const file = `${made.projectDir}/openapi.yaml`;
  const env = { SLUICE_POLICY: `${made.projectDir}/policy.yaml`, BLOG_TOKEN: "s3cr3t" };
  const added = await new Deno.Command(Deno.execPath(), {
    args: sluiceArgs("add", "--openapi", file, "--set", "team=blue", "--project", made.projectDir, "--json"),
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  equal(added.code, 0, new TextDecoder().decode(added.stderr));
  const outcome = JSON.parse(new TextDecoder().decode(added.stdout));
  deepEqual([outcome.name, outcome.streams], ["blog", ["users", "posts", "members"]]);
  deepEqual(outcome.secrets.map(({ name }: { name: string }) => name), ["BLOG_TOKEN"]);
  deepEqual(outcome.left_out, [{ path: "/users/{user_id}", reason: "it returns one record, no list" }]);

  const checked = await made.sluice("check", [], env);
  equal(checked.code, 0, checked.stdout + checked.stderr);
  const run = await made.sluice("run", ["blog", "--json"], env);
  equal(run.code, 0, run.stdout + run.stderr);
  const { steps } = JSON.parse(run.stdout.trim().split("\n").at(-1) ?? "");
  const rows = Object.fromEntries(
    steps.map((step: { name: string; rows: number }) => [step.name, step.rows]),
  );
  deepEqual(rows, { "extract:users": USERS, "extract:posts": USERS * POSTS, "extract:members": 1 });
  ok(
    blog.asked.includes("/v1/users?per_page=3&page=3") || blog.asked.includes("/v1/users?page=3&per_page=3"),
  );
  deepEqual(blog.refused, []);
});
