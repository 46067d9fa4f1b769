import { deepEqual, match } from "node:assert/strict";
import { read } from "./documents.ts";

/** Whole documents as generators and teams write them. */

const PETSTORE = `
swagger: "2.0"
info: { title: Pet shop, version: 1.0.0, description: Sells pets }
host: pets.example
basePath: /v2
schemes: [https, http]
produces: [application/xml, application/json]
securityDefinitions:
  key: { type: apiKey, name: api_key, in: header }
  login: { type: oauth2, flow: implicit, authorizationUrl: "https://pets.example/login", scopes: { read: read } }
paths:
  /pets:
    get:
      summary: Pets of the shop
      operationId: listPets
      security: [{ login: [read] }, { key: [] }]
      parameters:
        - { name: skip, in: query, type: integer, format: int32 }
        - { name: limit, in: query, type: integer, maximum: 500 }
        - { name: tags, in: query, type: array, items: { type: string }, collectionFormat: multi }
      responses:
        200: { description: pets, schema: { type: array, items: { $ref: "#/definitions/Pet" } } }
    post: { responses: { 201: { description: made } } }
  /pets/findByStatus:
    get:
      parameters:
        - { name: status, in: query, required: true, type: array, items: { type: string, enum: [sold, pending] } }
      responses:
        200: { description: pets, schema: { type: array, items: { $ref: "#/definitions/Pet" } } }
  /pets/{petId}:
    parameters: [{ name: petId, in: path, required: true, type: integer }]
    get: { responses: { 200: { description: a pet, schema: { $ref: "#/definitions/Pet" } } } }
  /pets/{petId}/visits:
    get:
      parameters: [{ name: petId, in: path, required: true, type: integer }]
      responses:
        200: { description: visits, schema: { type: array, items: { $ref: "#/definitions/Visit" } } }
  /store/inventory:
    get:
      responses:
        200: { description: by status, schema: { type: object, additionalProperties: { type: integer } } }
definitions:
  Pet:
    type: object
    required: [id]
    properties:
      id: { type: integer, format: int64 }
      category: { $ref: "#/definitions/Category" }
      photoUrls: { type: array, items: { type: string } }
  Category: { type: object, properties: { id: { type: integer }, parent: { $ref: "#/definitions/Category" } } }
  Visit: { type: object, properties: { visitId: { type: integer }, petId: { type: integer } } }
`;

Deno.test("readOpenApi() reads a pet shop in Swagger 2.0", () => {
  const { api, needs, leftOut } = read(PETSTORE);
  deepEqual(api.connector, {
    type: "http",
    base_url: "https://pets.example/v2",
    auth: { type: "api_key", api_key: "\${secret:SHOP_API_KEY}", name: "api_key", location: "header" },
  });
  deepEqual(api.streams, {
    pets: {
      description: "Pets of the shop",
      endpoint: {
        path: "pets",
        paginator: { type: "offset", limit: 500, offset_param: "skip", limit_param: "limit" },
      },
      primary_key: ["id"],
    },
    findByStatus: {
      description: "GET /pets/findByStatus",
      endpoint: { path: "pets/findByStatus", params: { status: "{values.status}" } },
      primary_key: ["id"],
    },
    visits: {
      description: "GET /pets/{petId}/visits",
      endpoint: { path: "pets/{resources.pets.id}/visits" },
      primary_key: ["visitId"],
    },
  });
  deepEqual(needs, { findByStatus: ["status"] });
  deepEqual(leftOut.map(({ path }) => path), ["/pets/{petId}", "/store/inventory"]);
});

/** As FastAPI writes it: no server, titles everywhere, null as an alternative, a page of a generic model. */
const FASTAPI = {
  openapi: "3.1.0",
  info: { title: "FastAPI", version: "0.1.0" },
  paths: {
    "/items/": {
      get: {
        tags: ["items"],
        summary: "Read Items",
        operationId: "read_items_items__get",
        security: [{ OAuth2PasswordBearer: [] }],
        parameters: [
          {
            name: "page",
            in: "query",
            required: false,
            schema: { type: "integer", minimum: 1, description: "Page number", default: 1, title: "Page" },
          },
          {
            name: "size",
            in: "query",
            required: false,
            schema: { type: "integer", maximum: 100, minimum: 1, default: 50, title: "Size" },
          },
          {
            name: "updated_since",
            in: "query",
            required: false,
            schema: {
              anyOf: [{ type: "string", format: "date-time" }, { type: "null" }],
              title: "Updated Since",
            },
          },
        ],
        responses: {
          "200": { content: { "application/json": { schema: { $ref: "#/components/schemas/Page_Item_" } } } },
          "422": {
            content: { "application/json": { schema: { $ref: "#/components/schemas/HTTPValidationError" } } },
          },
        },
      },
    },
    "/items/{item_id}/owners": {
      get: {
        summary: "Read Owners",
        parameters: [{ name: "item_id", in: "path", required: true, schema: { type: "integer" } }],
        responses: {
          "200": {
            content: {
              "application/json": {
                schema: { type: "array", items: { $ref: "#/components/schemas/Owner" } },
              },
            },
          },
        },
      },
    },
    "/health": { get: { responses: { "200": { content: { "application/json": { schema: {} } } } } } },
  },
  components: {
    schemas: {
      Item: {
        type: "object",
        properties: {
          id: { type: "integer", title: "Id" },
          updated_at: { anyOf: [{ type: "string", format: "date-time" }, { type: "null" }] },
          owner: { anyOf: [{ $ref: "#/components/schemas/Owner" }, { type: "null" }] },
        },
        required: ["id"],
      },
      Owner: { type: "object", properties: { id: { type: "string", format: "uuid" } } },
      Page_Item_: {
        properties: {
          items: { items: { $ref: "#/components/schemas/Item" }, type: "array" },
          total: { anyOf: [{ type: "integer", minimum: 0 }, { type: "null" }] },
          page: { anyOf: [{ type: "integer" }, { type: "null" }] },
          size: { anyOf: [{ type: "integer" }, { type: "null" }] },
          pages: { anyOf: [{ type: "integer" }, { type: "null" }] },
        },
        type: "object",
        required: ["items", "total", "page", "size", "pages"],
      },
      HTTPValidationError: { properties: { detail: { type: "array", items: {} } }, type: "object" },
    },
    securitySchemes: {
      OAuth2PasswordBearer: { type: "oauth2", flows: { password: { scopes: {}, tokenUrl: "token" } } },
    },
  },
};

Deno.test("readOpenApi() reads what FastAPI generates", () => {
  const { api, notes } = read(FASTAPI, "http://127.0.0.1:8000");
  deepEqual(api.connector, {
    type: "http",
    base_url: "http://127.0.0.1:8000",
    auth: { type: "bearer", token: "${secret:SHOP_TOKEN}" },
  });
  match(notes.join(), /OAuth 2: get an access token by other means/);
  deepEqual(api.streams, {
    items: {
      description: "Read Items",
      endpoint: {
        path: "items/",
        params: { size: 100 },
        data_selector: "items",
        paginator: { type: "page_number", page_param: "page", base_page: 1, total_path: "pages" },
        incremental: { start_param: "updated_since" },
      },
      mode: "incremental",
      primary_key: ["id"],
      update_key: "updated_at",
    },
    owners: {
      description: "Read Owners",
      endpoint: { path: "items/{resources.items.id}/owners", include_from_parent: ["id"] },
      primary_key: ["id"],
    },
  });
});
