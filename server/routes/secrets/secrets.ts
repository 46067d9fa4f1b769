import * as v from "valibot";
import { actorOf } from "../../../contract/audit/actor.ts";
import { secretPutSchema, secretSchema } from "../../../contract/keys/views.ts";
import type { Secrets } from "../../../engine/control/secrets/port.ts";
import { route } from "../../http/route.ts";
import { pageOfAll, pageQuery } from "../paging.ts";

const params = v.object({ name: v.pipe(v.string(), v.description("The secret's name.")) });
const noQuery = v.strictObject({});

/** `/api/secrets`: values go in and never come out. */
export function secretRoutes(secrets: Secrets) {
  return [
    route({
      method: "get",
      path: "/api/secrets",
      operation: "listSecrets",
      summary: "The secrets of the control store with what refers to them; no values",
      permission: "secrets:manage",
      request: v.object({ query: v.strictObject(pageQuery("all")) }),
      response: { status: 200, description: "By name.", schema: v.array(secretSchema) },
      handle: async ({ query }) => pageOfAll("secrets", await secrets.list(), query, ({ name }) => name),
    }),
    route({
      method: "put",
      path: "/api/secrets/:name",
      operation: "putSecret",
      summary: "Sets a secret, or replaces its value",
      permission: "secrets:manage",
      request: v.object({ params, query: noQuery, body: secretPutSchema }),
      response: { status: 200, description: "What is known of it, without its value.", schema: secretSchema },
      handle: async ({ params, body }, { user }) => ({
        body: await secrets.put(params.name, body.value, actorOf(user)),
      }),
    }),
    route({
      method: "delete",
      path: "/api/secrets/:name",
      operation: "deleteSecret",
      summary: "Deletes a secret",
      permission: "secrets:manage",
      request: v.object({
        params,
        query: v.strictObject({
          force: v.exactOptional(
            v.pipe(
              v.picklist(["true", "false"]),
              v.description("Whether it is deleted though something refers to it; false by default."),
            ),
          ),
        }),
      }),
      response: { status: 204, description: "It is deleted." },
      errors: ["not_found", "conflict"],
      handle: async ({ params, query }, { user }) => ({
        body: await secrets.remove(params.name, { isForced: query.force === "true" }, actorOf(user)),
      }),
    }),
  ];
}
