import * as v from "valibot";
import {
  codeSchema,
  factorAddedSchema,
  factorsSchema,
  newRecoveryCodesSchema,
  passkeyNameSchema,
  passkeyRequestSchema,
  registrationSchema,
  totpEnrolmentSchema,
} from "../../../contract/access/factors.ts";
import { described, secretDescribed } from "../../../contract/described.ts";
import type { ChangesOwnFactors } from "../../auth/factors/own_factors.ts";
import { route } from "../../http/route.ts";

const query = v.strictObject({});
const passkeyParams = v.object({ id: v.pipe(v.string(), v.description("The passkey's id.")) });
const permission = "own account";
const changed = { status: 200, description: "Those that there are now.", schema: factorsSchema } as const;
const added = {
  status: 201,
  description: "Those that there are now, with recovery codes where it is the first.",
  schema: factorAddedSchema,
} as const;
const name = described(passkeyNameSchema, "How its user calls it.");

/** `/api/account/factors`: one's own second factors, changed by a session that has just shown who it is. */
export function ownFactorRoutes(own: ChangesOwnFactors) {
  return [
    route({
      method: "get",
      path: "/api/account/factors",
      operation: "listOwnFactors",
      summary: "One's own second factors",
      permission,
      request: v.object({ query }),
      response: { ...changed, description: "Those that there are." },
      handle: async (_input, { access }) => ({ body: await own.list(access) }),
    }),
    route({
      method: "post",
      path: "/api/account/factors/totp",
      operation: "startTotp",
      summary: "Makes a secret for an authenticator app, which counts once its first code is confirmed",
      permission,
      request: v.object({ query }),
      response: { status: 201, description: "The secret, shown once.", schema: totpEnrolmentSchema },
      errors: ["conflict"],
      handle: async (_input, { access }) => ({ body: await own.startTotp(access) }),
    }),
    route({
      method: "post",
      path: "/api/account/factors/totp/confirm",
      operation: "confirmTotp",
      summary: "Confirms an authenticator app by its first code",
      permission,
      request: v.object({
        query,
        body: v.strictObject({ code: secretDescribed(codeSchema, "The six digits that the app shows.") }),
      }),
      response: added,
      errors: ["conflict"],
      handle: async ({ body }, { access }) => ({ body: await own.confirmTotp(access, body.code) }),
    }),
    route({
      method: "delete",
      path: "/api/account/factors/totp",
      operation: "removeTotp",
      summary: "Removes one's authenticator app",
      permission,
      request: v.object({ query }),
      response: changed,
      errors: ["not_found", "conflict"],
      handle: async (_input, { access }) => ({ body: await own.removeTotp(access) }),
    }),
    route({
      method: "post",
      path: "/api/account/factors/recovery-codes",
      operation: "renewRecoveryCodes",
      summary: "Makes ten recovery codes in place of those that there are",
      permission,
      request: v.object({ query }),
      response: { status: 201, description: "The codes, shown once.", schema: newRecoveryCodesSchema },
      errors: ["conflict"],
      handle: async (_input, { access }) => ({
        body: { recovery_codes: [...await own.renewRecoveryCodes(access)] },
      }),
    }),
    route({
      method: "post",
      path: "/api/account/factors/passkeys/options",
      operation: "startPasskey",
      summary: "Options for a new passkey, to be answered within five minutes",
      permission,
      request: v.object({ query }),
      response: { status: 201, description: "What a browser takes.", schema: passkeyRequestSchema },
      errors: ["conflict"],
      handle: async (_input, { access }) => ({ body: await own.startPasskey(access) }),
    }),
    route({
      method: "post",
      path: "/api/account/factors/passkeys",
      operation: "addPasskey",
      summary: "Adds a passkey",
      permission,
      request: v.object({
        query,
        body: v.strictObject({
          ticket: described(v.pipe(v.string(), v.maxLength(100)), "The one that came with the options."),
          name,
          registration: described(
            registrationSchema,
            "What the browser made of the options, in its own JSON.",
          ),
        }),
      }),
      response: added,
      errors: ["conflict"],
      handle: async ({ body }, { access }) => ({ body: await own.addPasskey(access, body) }),
    }),
    route({
      method: "patch",
      path: "/api/account/factors/passkeys/:id",
      operation: "renamePasskey",
      summary: "Gives a passkey another name",
      permission,
      request: v.object({ params: passkeyParams, query, body: v.strictObject({ name }) }),
      response: changed,
      errors: ["not_found", "conflict"],
      handle: async ({ params, body }, { access }) => ({
        body: await own.renamePasskey(access, params.id, body.name),
      }),
    }),
    route({
      method: "delete",
      path: "/api/account/factors/passkeys/:id",
      operation: "removePasskey",
      summary: "Removes a passkey",
      permission,
      request: v.object({ params: passkeyParams, query }),
      response: changed,
      errors: ["not_found", "conflict"],
      handle: async ({ params }, { access }) => ({ body: await own.removePasskey(access, params.id) }),
    }),
  ];
}
