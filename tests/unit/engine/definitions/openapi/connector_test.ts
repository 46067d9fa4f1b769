import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { AppError } from "../../../../../contract/errors.ts";
import { array, get, integer, object, openapi, read } from "./documents.ts";

/** What an OpenAPI document tells of the server and of how to sign in. */

const ORDERS = { "/orders": get(array(object({ id: integer }))) };

const withServers = (servers: unknown, more: Record<string, unknown> = {}) =>
  openapi(ORDERS, { servers, ...more });

/** The connector of a document with these ways to sign in, of which `security` is asked for. */
function connectorOf(schemes: Record<string, unknown>, security?: unknown) {
  const { api, notes } = read(openapi(ORDERS, {
    components: { securitySchemes: schemes },
    ...(security === undefined ? {} : { security }),
  }));
  const { type: _type, base_url: _base, ...rest }: Record<string, unknown> = api.connector;
  const found: Record<string, unknown> = { ...rest, secrets: Object.keys(api.secrets), notes };
  return found;
}

Deno.test("readOpenApi() takes the first server, with what its variables are by default", () => {
  const { api, notes } = read(withServers([
    {
      url: "https://{region}.shop.example/{version}/",
      variables: { region: { default: "eu" }, version: { default: "v3" } },
    },
    { url: "https://sandbox.shop.example" },
  ]));
  equal(api.connector["base_url"], "https://eu.shop.example/v3");
  match(notes.join("\n"), /variables \(region: eu, version: v3\)/);
  match(notes.join("\n"), /first of 2 servers; others are https:\/\/sandbox/);
});

Deno.test("readOpenApi() asks for the server of a document that names none, and takes the one that is given", () => {
  const nowhere = [[], [{ url: "/" }], [{ url: "https://{shop}.example" }]];
  for (const servers of nowhere) {
    throws(() => read(withServers(servers)), { code: "invalid", message: /--base-url https:/ });
  }
  throws(() => read(withServers([{ url: "/api/v3" }])), {
    message: /its path "\/api\/v3" is: name it, with the path at its end/,
  });
  equal(
    read(withServers([]), "https://own.example/api").api.connector["base_url"],
    "https://own.example/api",
  );
  throws(() => read(withServers([]), "own.example"), { code: "invalid", message: /no address of the web/ });
  throws(() => read(withServers([{ url: "https://me:pw@shop.example" }])), { message: /has a user/ });
});

Deno.test("readOpenApi() takes an operation that names the document's own servers to be on the server that is given", () => {
  const servers = [{ url: "https://a.example" }, { url: "https://b.example/" }];
  const operation = (own: unknown) => get(array(object({ id: integer })), [], { servers: own });
  const { api, leftOut } = read(
    openapi({
      "/a": operation(servers),
      "/b": operation([{ url: "https://b.example" }]),
      "/c": operation([{ url: "https://c.example" }]),
      "/d": operation([{ url: "https://own.example" }]),
    }, { servers }),
    "https://own.example/",
  );
  deepEqual(Object.keys(api.streams), ["a", "b", "d"]);
  deepEqual(leftOut, [{ path: "/c", reason: "it is on another server" }]);
});

Deno.test("readOpenApi() makes the base of Swagger's parts", () => {
  const swagger = (parts: Record<string, unknown>) => {
    const { api, notes } = read({
      swagger: "2.0",
      info: { title: "Old", version: 1 },
      paths: { "/a": { get: { responses: { 200: { schema: array(object({ id: integer })) } } } } },
      ...parts,
    });
    return [api.connector["base_url"], notes.some((note) => note.includes("without encryption"))];
  };
  deepEqual(swagger({ host: "a.example", basePath: "/v1", schemes: ["http", "https"] }), [
    "https://a.example/v1",
    false,
  ]);
  deepEqual(swagger({ host: "a.example:8080", schemes: ["http"] }), ["http://a.example:8080", true]);
  throws(() => swagger({ basePath: "/v1" }), { message: /--base-url/ });
});

Deno.test("readOpenApi() signs in as the document asks, by references to secrets", () => {
  deepEqual(connectorOf({ b: { type: "http", scheme: "Bearer" } }, [{ b: [] }]), {
    auth: { type: "bearer", token: "${secret:SHOP_TOKEN}" },
    secrets: ["SHOP_TOKEN"],
    notes: [],
  });
  deepEqual(connectorOf({ k: { type: "apiKey", in: "header", name: "X-Api-Key" } }, [{ k: [] }])["auth"], {
    type: "api_key",
    api_key: "${secret:SHOP_API_KEY}",
    name: "X-Api-Key",
    location: "header",
  });
  deepEqual(connectorOf({ k: { type: "apiKey", in: "query", name: "key" } }, [{ k: [] }])["auth"], {
    type: "api_key",
    api_key: "${secret:SHOP_API_KEY}",
    name: "key",
    location: "query",
  });
  deepEqual(connectorOf({ k: { type: "apiKey", in: "cookie", name: "session" } }, [{ k: [] }])["headers"], {
    Cookie: "session=${secret:SHOP_API_KEY}",
  });
  deepEqual(connectorOf({ b: { type: "http", scheme: "basic" } }, [{ b: [] }])["secrets"], [
    "SHOP_USERNAME",
    "SHOP_PASSWORD",
  ]);
});

Deno.test("readOpenApi() signs in by OAuth 2 as far as no browser is needed for it", () => {
  const oauth = (flows: unknown) => connectorOf({ o: { type: "oauth2", flows } }, [{ o: ["read", "list"] }]);
  deepEqual(oauth({ clientCredentials: { tokenUrl: "/oauth/token", scopes: {} } })["auth"], {
    type: "oauth2_client_credentials",
    access_token_url: "https://api.shop.example/oauth/token",
    client_id: "${secret:SHOP_CLIENT_ID}",
    client_secret: "${secret:SHOP_CLIENT_SECRET}",
    access_token_request_data: { scope: "read list" },
  });
  const code = oauth({ authorizationCode: { authorizationUrl: "x", tokenUrl: "https://id.example/token" } });
  deepEqual(code["auth"], {
    type: "oauth2_refresh_token",
    access_token_url: "https://id.example/token",
    refresh_token: "${secret:SHOP_REFRESH_TOKEN}",
    client_id: "${secret:SHOP_CLIENT_ID}",
    client_secret: "${secret:SHOP_CLIENT_SECRET}",
  });
  match(String(code["notes"]), /sign in once by other means/);
  const password = oauth({ password: { tokenUrl: "token" } });
  deepEqual(password["auth"], { type: "bearer", token: "${secret:SHOP_TOKEN}" });
  match(String(password["notes"]), /get an access token by other means/);
});

Deno.test("readOpenApi() chooses of several ways to sign in, and joins those that are wanted together", () => {
  const schemes = {
    basic: { type: "http", scheme: "basic" },
    token: { type: "http", scheme: "bearer" },
    app: { type: "apiKey", in: "header", name: "X-App" },
    digest: { type: "http", scheme: "digest" },
  };
  deepEqual(connectorOf(schemes, [{ basic: [] }, { token: [] }])["auth"], {
    type: "bearer",
    token: "${secret:SHOP_TOKEN}",
  });
  deepEqual(connectorOf(schemes, [{ token: [], app: [] }]), {
    auth: { type: "bearer", token: "${secret:SHOP_TOKEN}" },
    headers: { "X-App": "${secret:SHOP_APP}" },
    secrets: ["SHOP_TOKEN", "SHOP_APP"],
    notes: [],
  });
  match(String(connectorOf(schemes, [{ digest: [] }])["notes"]), /"digest" is not known: set auth/);
  // Nothing says that it is needed.
  match(String(connectorOf({ token: schemes.token })["notes"]), /auth is a guess/);
  match(String(connectorOf({})["notes"]), /no sign-in: set auth/);
  deepEqual(connectorOf(schemes, []), { secrets: [], notes: [] });
});

Deno.test("readOpenApi() tells of streams that sign in by other means, and of headers that sign in", () => {
  const key = { name: "X-Shop-Token", in: "header", required: true, schema: { type: "string" } };
  const { api, notes, streamNotes } = read(openapi({
    "/orders": get(array(object({ id: integer })), [key]),
    "/admins": get(array(object({ id: integer })), [], { security: [{ admin: [] }] }),
  }, {
    security: [{ token: [] }],
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer" },
        admin: { type: "http", scheme: "basic" },
      },
    },
  }));
  deepEqual(api.connector["headers"], { "X-Shop-Token": "${secret:SHOP_X_SHOP_TOKEN}" });
  ok("SHOP_X_SHOP_TOKEN" in api.secrets);
  match(notes.join(), /X-Shop-Token is needed/);
  deepEqual(streamNotes, { admins: ["it signs in by admin, unlike the connector"] });
});

Deno.test("readOpenApi() keeps parameters that sign in out of the pipeline", () => {
  const tokens = (more: Record<string, unknown>) => {
    const token = { name: "token", in: "query", required: true, schema: { type: "string" } };
    const { api, notes } = read(openapi({ "/orders": get(array(object({ id: integer })), [token]) }, more));
    deepEqual(api.streams["orders"]?.["endpoint"], { path: "orders" });
    return [api.connector["auth"], notes.join()] as const;
  };
  const [auth, note] = tokens({});
  deepEqual(auth, { type: "api_key", api_key: "${secret:SHOP_TOKEN}", name: "token", location: "query" });
  match(note, /token is needed and signs in/);
  const [bearer, left] = tokens({
    security: [{ b: [] }],
    components: { securitySchemes: { b: { type: "http", scheme: "bearer" } } },
  });
  deepEqual(bearer, { type: "bearer", token: "${secret:SHOP_TOKEN}" });
  match(left, /the parameter token is left out/);
});

Deno.test("readOpenApi() says what a document is not", () => {
  const refused = (document: unknown, message: RegExp) =>
    throws(
      () => read(document),
      (error) => error instanceof AppError && error.code === "invalid" && message.test(error.message),
    );
  refused("{ not json: [", /api\.json: it is no JSON: Expected property name/);
  refused("a: b: c", /api\.json: it is no YAML: Nested mappings/);
  refused(`{"paths": ${"[".repeat(300_000)}`, /it is no JSON/);
  refused("- a\n- b\n", /which is an object/);
  refused({ info: {} }, /begins with openapi: 3/);
  refused({ openapi: "4.0", paths: {} }, /its version is "4\.0"/);
  refused({ swagger: "1.2", paths: {} }, /expected OpenAPI 3\.x or Swagger 2\.0/);
  refused({ openapi: "3.0.0" }, /it has no paths/);
  refused(openapi({}), /no GET that returns a list/);
  refused(openapi({ "/a": get(object({})) }), /no GET that returns a list/);
  equal(
    Object.keys(
      read(
        "{ openapi: 3.0.0, servers: [{ url: 'https://a.example' }], paths: { /a: { get: { responses: { 200: { content: { '*/*': { schema: { type: array } } } } } } } } }",
      ).api.streams,
    )[0],
    "a",
  );
  refused(`openapi: 3.0.0\n${"#".repeat(16_000_000)}`, /has 16 MB, and 16 MB is the most; as JSON/);
});
