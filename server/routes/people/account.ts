import * as v from "valibot";
import {
  accountSchema,
  createdTokenSchema,
  ownTokenSchema,
  sessionSchema,
  tokenRotationSchema,
  tokenSchema,
} from "../../../contract/access/people.ts";
import { passwordChangedSchema, passwordChangeSchema } from "../../../contract/access/passwords.ts";
import type { Account } from "../../auth/account/own_account.ts";
import { route } from "../../http/route.ts";
import { pageOfAll, pageQuery } from "../paging.ts";

const noQuery = v.strictObject({});
const tokenParams = v.object({ id: v.pipe(v.string(), v.description("The token's id.")) });
const sessionParams = v.object({ id: v.pipe(v.string(), v.description("The session's id.")) });
const permission = "own account";

/** `/api/account`: what everybody may do with the own account. */
export function accountRoutes(account: Account) {
  return [
    route({
      method: "get",
      path: "/api/account",
      operation: "getAccount",
      summary: "Whoever asks",
      permission,
      request: v.object({ query: noQuery }),
      response: { status: 200, description: "The user, with its groups and grants.", schema: accountSchema },
      handle: async (_input, { access }) => ({ body: await account.view(access) }),
    }),
    route({
      method: "put",
      path: "/api/account/password",
      operation: "changePassword",
      summary: "Changes one's own password, and ends one's other sessions",
      permission,
      request: v.object({ query: noQuery, body: passwordChangeSchema }),
      response: { status: 200, description: "It is changed.", schema: passwordChangedSchema },
      errors: ["conflict"],
      handle: async ({ body }, { access }) => ({ body: await account.changePassword(access, body) }),
    }),
    route({
      method: "get",
      path: "/api/account/sessions",
      operation: "listOwnSessions",
      summary: "Where one has signed in, the last used session first",
      permission,
      request: v.object({ query: v.strictObject(pageQuery("all")) }),
      response: { status: 200, description: "Those that have not ended.", schema: v.array(sessionSchema) },
      handle: async ({ query }, { access }) =>
        pageOfAll("sessions", await account.sessions(access), query, ({ id }) => id),
    }),
    route({
      method: "delete",
      path: "/api/account/sessions",
      operation: "endOwnSessions",
      summary: "Ends one's sessions, but for the one that asks",
      permission,
      request: v.object({ query: noQuery }),
      response: { status: 204, description: "They are ended." },
      handle: async (_input, { access }) => ({ body: await account.endOtherSessions(access) }),
    }),
    route({
      method: "delete",
      path: "/api/account/sessions/:id",
      operation: "endOwnSession",
      summary: "Ends a session of one's own",
      permission,
      request: v.object({ params: sessionParams, query: noQuery }),
      response: { status: 204, description: "It is ended." },
      errors: ["not_found"],
      handle: async ({ params }, { access }) => ({ body: await account.endSession(access, params.id) }),
    }),
    route({
      method: "get",
      path: "/api/account/tokens",
      operation: "listOwnTokens",
      summary: "One's own tokens, without their texts",
      permission,
      request: v.object({ query: v.strictObject(pageQuery("all")) }),
      response: { status: 200, description: "By name.", schema: v.array(tokenSchema) },
      handle: async ({ query }, { access }) =>
        pageOfAll("tokens", await account.tokens(access), query, ({ id }) => id),
    }),
    route({
      method: "post",
      path: "/api/account/tokens",
      operation: "createOwnToken",
      summary: "Makes a token of one's own, which may no more than oneself",
      permission,
      request: v.object({ query: noQuery, body: ownTokenSchema }),
      response: { status: 201, description: "The token with its text.", schema: createdTokenSchema },
      errors: ["conflict"],
      handle: async ({ body }, { access }) => ({ body: await account.createToken(access, body) }),
    }),
    route({
      method: "post",
      path: "/api/account/tokens/:id/rotate",
      operation: "rotateOwnToken",
      summary: "Gives a token of one's own another text",
      permission,
      request: v.object({ params: tokenParams, query: noQuery, body: tokenRotationSchema }),
      response: { status: 200, description: "The token with its new text.", schema: createdTokenSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params, body }, { access }) => ({
        body: await account.rotateToken(access, params.id, body),
      }),
    }),
    route({
      method: "delete",
      path: "/api/account/tokens/:id",
      operation: "revokeOwnToken",
      summary: "Revokes a token of one's own",
      permission,
      request: v.object({ params: tokenParams, query: noQuery }),
      response: { status: 204, description: "It is revoked." },
      errors: ["not_found"],
      handle: async ({ params }, { access }) => ({ body: await account.revokeToken(access, params.id) }),
    }),
  ];
}
