import * as v from "valibot";
import { AppError } from "../../contract/errors.ts";
import { nameSchema } from "../../contract/names.ts";
import type { Clock } from "../../contract/clock.ts";
import { type AccessStore, ROLES, type TokenRecord } from "../../engine/store/ports/access.ts";
import { route } from "../http/route.ts";
import { describeRole } from "../auth/permissions.ts";
import { createToken } from "../auth/token.ts";
import { pageOfAll, pageQuery } from "./paging.ts";
import { described } from "../../contract/described.ts";

const time = v.pipe(v.string(), v.isoTimestamp());

const tokenSchema = v.object({
  id: described(v.string(), "What it is revoked by."),
  name: described(v.string(), "Who or what uses it; runs show it."),
  role: described(v.picklist(ROLES), "What it may do."),
  created_at: described(time, "When it was made."),
  last_used_at: described(v.nullable(time), "When it was last used, about; null for never."),
});

const newTokenSchema = v.object({
  ...tokenSchema.entries,
  token: v.pipe(v.string(), v.description("The token itself: shown here once and stored nowhere.")),
});

/** `/api/tokens`. */
export function tokenRoutes(access: AccessStore, clock: Clock) {
  return [
    route({
      method: "get",
      path: "/api/tokens",
      operation: "listTokens",
      summary: "The tokens, without their texts",
      permission: "manage_tokens",
      request: v.object({ query: v.strictObject(pageQuery("all")) }),
      response: { status: 200, description: "By name.", schema: v.array(tokenSchema) },
      handle: async ({ query }) =>
        pageOfAll("tokens", (await access.listTokens()).map(tokenView), query, ({ id }) => id),
    }),
    route({
      method: "post",
      path: "/api/tokens",
      operation: "createToken",
      summary: "Makes a token",
      permission: "manage_tokens",
      request: v.object({
        query: v.strictObject({}),
        body: v.strictObject({
          name: v.pipe(nameSchema("token"), v.description("Who or what will use it; runs show it.")),
          role: v.pipe(
            v.picklist(ROLES),
            v.description(ROLES.map((role) => `${role}: may ${describeRole(role)}.`).join(" ")),
          ),
        }),
      }),
      response: { status: 201, description: "The token with its text.", schema: newTokenSchema },
      errors: ["conflict"],
      handle: async ({ body }) => {
        const { token, record } = await createToken(access, clock, body);
        return { body: { ...tokenView(record), token } };
      },
    }),
    route({
      method: "delete",
      path: "/api/tokens/:id",
      operation: "revokeToken",
      summary: "Revokes a token; the sessions that were signed in with it end",
      permission: "manage_tokens",
      request: v.object({
        params: v.object({ id: v.pipe(v.string(), v.description("The token's id.")) }),
        query: v.strictObject({}),
      }),
      response: { status: 204, description: "It is revoked." },
      errors: ["not_found"],
      handle: async ({ params }) => {
        const isRevoked = await access.revokeToken(params.id);
        if (!isRevoked) throw new AppError("not_found", `There is no token with the id "${params.id}"`);
        return { body: undefined };
      },
    }),
  ];
}

function tokenView(record: TokenRecord): v.InferOutput<typeof tokenSchema> {
  return {
    id: record.id,
    name: record.name,
    role: record.role,
    created_at: new Date(record.createdAtMs).toISOString(),
    last_used_at: record.lastUsedAtMs === null ? null : new Date(record.lastUsedAtMs).toISOString(),
  };
}
