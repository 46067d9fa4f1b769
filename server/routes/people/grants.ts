import * as v from "valibot";
import { grantSchema, newGrantSchema, rolePutSchema, roleSchema } from "../../../contract/access/people.ts";
import { scopeSchema } from "../../../contract/access/scope.ts";
import { route } from "../../http/route.ts";
import { pageOfAll, pageQuery } from "../paging.ts";

const roleParams = v.object({ role: v.pipe(v.string(), v.description("The role's name.")) });
const noQuery = v.strictObject({});
const grantList = v.array(grantSchema);

/** `/api/grants` and `/api/roles`. */
export function grantRoutes() {
  return [
    route({
      method: "get",
      path: "/api/grants",
      operation: "listGrants",
      summary: "Who has which role over what",
      permission: "people:manage",
      request: v.object({ query: v.strictObject(pageQuery("all")) }),
      response: { status: 200, description: "By holder.", schema: grantList },
      handle: async ({ query }, { people }) =>
        pageOfAll("grants", await people.grants.list(), query, ({ id }) => id),
    }),
    route({
      method: "post",
      path: "/api/grants",
      operation: "grant",
      summary: "Grants a role to a user or a group",
      permission: "people:manage",
      request: v.object({ query: noQuery, body: newGrantSchema }),
      response: {
        status: 201,
        description: "The grant; the one that was there already.",
        schema: grantSchema,
      },
      errors: ["not_found", "conflict"],
      handle: async ({ body }, { user, people }) => ({ body: await people.grants.add(body, user.name) }),
    }),
    route({
      method: "post",
      path: "/api/grants/revoke",
      operation: "revoke",
      summary: "Revokes grants of a user or a group: of a role, over something, or all",
      permission: "people:manage",
      request: v.object({
        query: noQuery,
        body: v.strictObject({
          holder: newGrantSchema.entries.holder,
          role: v.exactOptional(v.pipe(v.string(), v.description("Only those of this role."))),
          scope: v.exactOptional(v.pipe(scopeSchema, v.description("Only those over exactly this."))),
        }),
      }),
      response: { status: 200, description: "Those that are gone.", schema: grantList },
      errors: ["not_found", "conflict"],
      handle: async ({ body: { holder, ...what } }, { people }) => ({
        body: await people.grants.remove(holder, what),
      }),
    }),
    route({
      method: "get",
      path: "/api/roles",
      operation: "listRoles",
      summary: "Roles with what they may",
      permission: "people:manage",
      request: v.object({ query: v.strictObject(pageQuery("all")) }),
      response: {
        status: 200,
        description: "Those that are always there first.",
        schema: v.array(roleSchema),
      },
      handle: async ({ query }, { people }) =>
        pageOfAll("roles", await people.roles.list(), query, ({ name }) => name),
    }),
    route({
      method: "put",
      path: "/api/roles/:role",
      operation: "putRole",
      summary: "Makes a role, or gives it these permissions",
      permission: "people:manage",
      request: v.object({ params: roleParams, query: noQuery, body: rolePutSchema }),
      response: { status: 200, description: "The role.", schema: roleSchema },
      errors: ["conflict"],
      handle: async ({ params, body }, { user, people }) => ({
        body: await people.roles.put(params.role, body, user.name),
      }),
    }),
    route({
      method: "delete",
      path: "/api/roles/:role",
      operation: "removeRole",
      summary: "Removes a role that is not granted",
      permission: "people:manage",
      request: v.object({ params: roleParams, query: noQuery }),
      response: { status: 204, description: "It is removed." },
      errors: ["not_found", "conflict"],
      handle: async ({ params }, { people }) => ({ body: await people.roles.remove(params.role) }),
    }),
  ];
}
