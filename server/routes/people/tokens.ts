import * as v from "valibot";
import {
  createdTokenSchema,
  newTokenSchema,
  tokenRotationSchema,
  tokenSchema,
} from "../../../contract/access/people.ts";
import { route } from "../../http/route.ts";
import { pageOfAll, pageQuery } from "../paging.ts";

/** `/api/tokens`. */
export function tokenRoutes() {
  return [
    route({
      method: "get",
      path: "/api/tokens",
      operation: "listTokens",
      summary: "The tokens, without their texts",
      permission: "people:manage",
      request: v.object({
        query: v.strictObject({
          ...pageQuery("all"),
          user: v.exactOptional(v.pipe(v.string(), v.description("Only those of this user."))),
        }),
      }),
      response: { status: 200, description: "By user and name.", schema: v.array(tokenSchema) },
      errors: ["not_found"],
      handle: async ({ query }, { people }) =>
        pageOfAll("tokens", await people.tokens.list(query.user), query, ({ id }) => id),
    }),
    route({
      method: "post",
      path: "/api/tokens",
      operation: "createToken",
      summary: "Makes a token of a user's, or one with a service of its own",
      permission: "people:manage",
      request: v.object({ query: v.strictObject({}), body: newTokenSchema }),
      response: { status: 201, description: "The token with its text.", schema: createdTokenSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ body }, { user, people }) => ({ body: await people.tokens.create(body, user.name) }),
    }),
    route({
      method: "delete",
      path: "/api/tokens/:id",
      operation: "revokeToken",
      summary: "Revokes a token; the sessions that were signed in with it end",
      permission: "people:manage",
      request: v.object({
        params: v.object({ id: v.pipe(v.string(), v.description("The token's id.")) }),
        query: v.strictObject({}),
      }),
      response: { status: 204, description: "It is revoked." },
      errors: ["not_found"],
      handle: async ({ params }, { people }) => ({ body: await people.tokens.revoke(params.id) }),
    }),
    route({
      method: "post",
      path: "/api/tokens/:id/rotate",
      operation: "rotateToken",
      summary: "Gives a token another text; what was signed in or made with the former one ends",
      permission: "people:manage",
      request: v.object({
        params: v.object({ id: v.pipe(v.string(), v.description("The token's id.")) }),
        query: v.strictObject({}),
        body: tokenRotationSchema,
      }),
      response: { status: 200, description: "The token with its new text.", schema: createdTokenSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params, body }, { people }) => ({ body: await people.tokens.rotate(params.id, body) }),
    }),
  ];
}
