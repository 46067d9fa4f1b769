import * as v from "valibot";
import { factorsResetSchema, userFactorsSchema } from "../../../contract/access/factors.ts";
import { route } from "../../http/route.ts";

const request = v.object({
  params: v.object({ user: v.pipe(v.string(), v.description("The user's name or id.")) }),
  query: v.strictObject({}),
});

/** `/api/users/:user/factors`. */
export function userFactorRoutes() {
  return [
    route({
      method: "get",
      path: "/api/users/:user/factors",
      operation: "getUserFactors",
      summary: "Which second factors a user has",
      permission: "people:manage",
      request,
      response: { status: 200, description: "Their kinds.", schema: userFactorsSchema },
      errors: ["not_found"],
      handle: async ({ params }, { people }) => ({ body: await people.factors.get(params.user) }),
    }),
    route({
      method: "delete",
      path: "/api/users/:user/factors",
      operation: "resetUserFactors",
      summary: "Takes all of a user's second factors and recovery codes away, and ends its sessions",
      permission: "people:manage",
      request,
      response: { status: 200, description: "Those that there were.", schema: factorsResetSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params }, { user, people }) => ({
        body: await people.factors.reset(params.user, user.name),
      }),
    }),
  ];
}
