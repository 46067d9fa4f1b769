import { deepEqual, equal, match, ok } from "node:assert/strict";
import { parse } from "yaml";
import { planInstallation } from "../../../../engine/definitions/apis/install_api.ts";
import { chooseFromOpenApi, type OpenApiChoice } from "../../../../server/cli/commands/add/openapi_file.ts";
import { formatTold, tellOf, withComments } from "../../../../server/cli/commands/add/openapi_output.ts";
import { failureOf } from "../../../support/api_bench.ts";
import { array, get, integer, object, openapi, query } from "../../engine/definitions/openapi/documents.ts";

/** What `sluice add --openapi FILE` reads, and what it says of it. */

const user = object({ id: integer });

async function choose(
  files: Readonly<Record<string, string | Uint8Array>>,
  choice: Partial<OpenApiChoice> & Pick<OpenApiChoice, "file">,
) {
  const folder = await Deno.makeTempDir({ prefix: "sluice-openapi-" });
  try {
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeFile(
        `${folder}/${name}`,
        typeof content === "string" ? new TextEncoder().encode(content) : content,
      );
    }
    return await chooseFromOpenApi(folder, { baseUrl: undefined, name: undefined, values: {}, ...choice });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const chosenOf = (document: unknown, choice: Partial<OpenApiChoice> = {}) => {
  const file = choice.file ?? "shop.json";
  return choose({ [file]: JSON.stringify(document) }, { ...choice, file });
};

Deno.test("chooseFromOpenApi() adds what can be read with the values that are given", async () => {
  const document = openapi({
    "/users": get(array(user)),
    "/teams/{team}/members": get(array(user), [query("year", integer, { required: true })]),
    "/teams/{team}/members/{member_id}/roles": get(array(user)),
  });
  deepEqual((await chosenOf(document)).streams, ["users"]);
  deepEqual((await chosenOf(document, { values: { team: "a" } })).streams, ["users"]);
  // A child needs what its parent needs.
  deepEqual((await chosenOf(document, { values: { team: "a", year: "2024" } })).streams, [
    "users",
    "members",
    "roles",
  ]);
});

Deno.test("chooseFromOpenApi() names the connector after the file, or the API where the file's name says nothing", async () => {
  const nameOf = async (file: string, title: string, name?: string) =>
    (await chosenOf(openapi({ "/a": get(array(user)) }, { info: { title } }), { file, name })).name;
  equal(await nameOf("pet-store.v2.yaml", "x"), "pet_store");
  equal(await nameOf("openapi.json", "The Ünique Blog API v1.2"), "nique_blog");
  equal(await nameOf("swagger.yaml", "API"), "api");
  equal(await nameOf("con.yaml", "../../etc"), "etc");
  equal(await nameOf("x.yaml", "y", "mine"), "mine");
});

Deno.test("chooseFromOpenApi() says what of a file it cannot read", async () => {
  const refused = async (files: Record<string, string | Uint8Array>, file: string) =>
    (await failureOf(choose(files, { file }))).message;
  match(await refused({}, "missing.yaml"), /There is no file missing\.yaml/);
  match(await refused({}, "."), /Cannot read \.: it is no file/);
  match(
    await refused({}, "https://a.example/o.json"),
    /download it first, as by curl -o openapi\.json https/,
  );
  match(await refused({ "a.json": new Uint8Array([0x7b, 0xff]) }, "a.json"), /it is not in UTF-8/);
  const { message, detail } = await failureOf(
    chosenOf(openapi({ "/teams/{team}/members": get(array(user)) })),
  );
  match(message, /Every list of shop\.json needs something .* --set NAME=VALUE/);
  equal(detail, "  members: team");
});

Deno.test("what was guessed stands at the head of the pipeline, and is said with what was left out", async () => {
  const chosen = await chosenOf(openapi({
    "/users": get(array(user), [query("page", integer)]),
    "/status": get(object({})),
    "/teams/{team}/members": get(array(user)),
  }, { servers: [{ url: "https://a.example" }, { url: "https://b.example\n# x: y" }] }));
  const told = tellOf(chosen.reading, chosen.streams);
  const folder = await Deno.makeTempDir({ prefix: "sluice-openapi-" });
  try {
    const request = { name: "shop", values: {}, streams: chosen.streams };
    const planned = withComments(await planInstallation(folder, chosen.api, request), told);
    const pipeline = planned.files.find(({ path }) => path === "pipelines/shop.yaml")?.content ?? "";
    match(pipeline, /^# What was guessed .*\n(?:# .*\n)+description: /);
    match(pipeline, /^# users: the first page is taken to be number 1 of page/m);
    match(pipeline, /^# connector: base_url is the first of 2 servers; others are https:\/\/b\.example$/m);
    deepEqual(Object.keys(parse(pipeline).extract), ["users"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const said = formatTold(told, { isDryRun: false, isChosen: false });
  for (
    const part of [
      "users: the first page",
      "members (team)",
      "1 path: it returns one record, no list (/status)",
    ]
  ) {
    ok(said.includes(part), said);
  }
  equal(formatTold({ ...told, notes: [] }, { isDryRun: false, isChosen: true }), "");
});
