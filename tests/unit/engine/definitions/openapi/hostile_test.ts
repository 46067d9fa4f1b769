import { deepEqual, doesNotMatch, equal, match, ok, throws } from "node:assert/strict";
import { parse } from "yaml";
import { yamlText } from "../../../../../engine/definitions/apis/api_yaml.ts";
import { secretsIn, withValues } from "../../../../../engine/definitions/apis/placeholders.ts";
import { array, get, integer, object, openapi, query, read, text } from "./documents.ts";

/** Documents that are broken, endless, very large, or that want to reach what is not theirs. */

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const withSchemas = (schemas: Record<string, unknown>, paths: Record<string, unknown>) =>
  read(openapi(paths, { components: { schemas } }));
const user = object({ id: integer });

Deno.test("readOpenApi() ends with schemas that refer to themselves", () => {
  const { api, notes } = withSchemas({
    Loop: ref("Pool"),
    Pool: ref("Loop"),
    Node: object({ id: integer, parent: ref("Node"), children: array(ref("Node")) }),
    All: { allOf: [ref("All"), object({ data: array(ref("Node")) })] },
    Wrapped: object({ data: ref("Wrapped") }),
    Either: { oneOf: [ref("Either"), { anyOf: [ref("Either")] }] },
  }, {
    "/nodes": get(ref("All")),
    "/trees": get(array(ref("Node"))),
    "/loops": get(ref("Loop")),
    "/wrapped": get(ref("Wrapped")),
    "/either": get(ref("Either")),
    "/items": get(array(ref("Either"))),
  });
  deepEqual(Object.keys(api.streams), ["nodes", "trees", "items"]);
  deepEqual(api.streams["trees"]?.["primary_key"], ["id"]);
  match(notes.join(), /references lead nowhere: #\/components\/schemas\/Loop/);
});

Deno.test("readOpenApi() looks once at schemas that are made of each other twice, and not beyond a depth", () => {
  const schemas: Record<string, unknown> = { S0: user };
  for (let at = 1; at < 60; at++) schemas[`S${at}`] = { allOf: [ref(`S${at - 1}`), ref(`S${at - 1}`)] };
  deepEqual(
    withSchemas(schemas, { "/users": get(array(ref("S50"))) }).api.streams["users"]?.["primary_key"],
    ["id"],
  );
  let deep: unknown = array(user);
  for (let at = 0; at < 2_000; at++) deep = { allOf: [deep] };
  throws(() => read(openapi({ "/deep": get(deep) })), { message: /no GET that returns a list/ });
});

Deno.test("readOpenApi() goes on where schemas, answers and parameters are missing or are none", () => {
  const { api, leftOut, notes } = read(openapi({
    "/users": get(array(ref("Missing")), [
      { $ref: "#/components/parameters/none" },
      null,
      7,
      { name: 1 },
      {},
    ]),
    "/nothing": { get: { responses: { 200: { $ref: "#/nowhere" } } } },
    "/null": null,
    "/text": "text",
    "/get": { get: 1 },
    "/empty": { get: {} },
    "/odd": get({ type: 7, properties: [], items: 3, allOf: "x", required: {}, enum: 1 }),
    relative: get(array(user)),
    "/shared": { $ref: "#/paths/~1users" },
    "x-own": { get: {} },
  }, { components: 1, security: "x", tags: 3, info: [] }));
  deepEqual(Object.keys(api.streams), ["users", "shared"]);
  equal(leftOut.length, 3);
  match(notes.join(), /3 of the document's references lead nowhere/);
});

Deno.test("readOpenApi() refuses a document that needs another one", () => {
  for (
    const $ref of ["./models.yaml#/User", "https://a.example/user.json", "models.yaml", "file:///etc/passwd"]
  ) {
    throws(() => read(openapi({ "/users": get(array({ $ref })) })), {
      code: "invalid",
      message: /refers to another document \(".*"\).*bundle them into one first/,
    });
  }
  // What is not looked at may refer to anything.
  const example = { example: { $ref: "./x.json" } };
  equal(Object.keys(read(openapi({ "/users": get(array({ ...user, ...example })) })).api.streams).length, 1);
});

Deno.test("readOpenApi() reaches no secret and no value that the document names", () => {
  const stolen = "${secret:OTHER_KEY}";
  const { api } = read(openapi({
    "/users": get(array(user), [query(stolen, text, { required: true })], {
      summary: `All ${stolen} {values.owner}`,
    }),
    "/{resources.users.id}/x": get(array(user)),
  }, {
    info: { title: `${stolen} {values.a}` },
    security: [{ k: [] }],
    components: {
      securitySchemes: { k: { type: "apiKey", in: "query", name: stolen } },
    },
  }));
  deepEqual(secretsIn(api.connector), ["SHOP_API_KEY"]);
  const elsewhere = { message: /does not say what stands for \{…\} of its server/ };
  const paths = { "/users": get(array(user)) };
  throws(() => read(openapi(paths, { servers: [{ url: `https://a.example/${stolen}` }] })), elsewhere);
  throws(() => read({ swagger: "2.0", host: "a.example", basePath: `/${stolen}`, paths }), elsewhere);
  const oauth = read(openapi({ "/users": get(array(user)) }, {
    security: [{ o: [stolen] }],
    components: {
      securitySchemes: {
        o: {
          type: "oauth2",
          flows: { clientCredentials: { tokenUrl: `https://evil.example/?k=${stolen}` } },
        },
      },
    },
  }));
  deepEqual(secretsIn(oauth.api.connector), ["SHOP_CLIENT_ID", "SHOP_CLIENT_SECRET"]);
  // A place that looks as one of ours is a value as any other.
  equal(Object(api.streams["x"]?.["endpoint"]).path, "{values.resources_users_id}/x");
  const filled = JSON.stringify(withValues(api.streams, { owner: "me", a: "b", secret_other_key: "v" }));
  doesNotMatch(filled, /All .* me\b/);
});

Deno.test("readOpenApi() makes YAML that says what it should, whatever things are called", () => {
  const odd = [
    "a: b\n- c",
    "'\"",
    "\u2028\u0000\u0007",
    "__proto__",
    "null",
    "#",
    "*x &y !z",
    "\ud800",
    "{{ a }}",
    "%",
  ];
  const paths: Record<string, unknown> = { "/users": get(array(user)) };
  for (const [at, name] of odd.entries()) {
    paths[`/${name}/${at}x`] = get(
      object({ [name]: array(object({ id: integer, [name]: text })), count: integer }),
      [query(name, text, { required: true })],
      { summary: name, operationId: name },
    );
    paths[`/list${at}`] = get(object({ data: array(user), [name]: text }), [query(name), query("cursor")], {
      summary: `${name}\n${name}`,
    });
  }
  const document = JSON.stringify(openapi(paths, { info: { title: odd.join("\n"), version: odd[0] } }));
  const { api, streamNotes } = read(document);
  for (const name of Object.keys(api.streams)) match(name, /^[A-Za-z_][A-Za-z0-9_]{0,62}$/);
  deepEqual(parse(yamlText({ extract: api.streams }, 3)), parse(JSON.stringify({ extract: api.streams })));
  for (const { description } of Object.values(api.streams)) doesNotMatch(description, /[\p{C}\u2028]/u);
  ok(Object.keys(streamNotes).every((name) => Object.hasOwn(api.streams, name)));
  equal(Object.hasOwn(Object.prototype, "id"), false);
});

Deno.test("readOpenApi() bounds what it writes of long lists, texts and aliases", () => {
  const long = "long ".repeat(10_000);
  const { api } = read(openapi({
    "/{kind}/items": get(array(user), [{
      name: "kind",
      in: "path",
      required: true,
      description: long,
      schema: { type: "string", enum: Array.from({ length: 50_000 }, (_, at) => `kind-${at}`) },
    }], { summary: long }),
  }));
  ok(JSON.stringify(api).length < 2_000);
  const bomb = [
    "openapi: 3.0.0",
    "paths: {}",
    "a0: &a0 [x, x, x, x, x, x, x, x, x, x]",
    ...Array.from({ length: 8 }, (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at}, `.repeat(10)}]`),
  ].join("\n");
  throws(() => read(bomb), { code: "invalid" });
});

Deno.test("readOpenApi() reads thousands of lists, of one name, with parents of parents", () => {
  const paths: Record<string, unknown> = {};
  for (let at = 0; at < 4_000; at++) {
    paths[`/{a}/items/{b${at}}/${at % 2 === 0 ? "items" : "parts"}${"/x".repeat(at % 20)}`] = get(
      array(user),
    );
  }
  let path = "";
  for (let at = 0; at < 40; at++) {
    path += `/l${at}`;
    paths[path] = get(array(user));
    path += `/{l${at}_id}`;
  }
  const { api } = read(openapi(paths));
  equal(Object.keys(api.streams).length, Object.keys(paths).length);
});
