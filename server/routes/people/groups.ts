import * as v from "valibot";
import { groupSchema, newGroupSchema } from "../../../contract/access/people.ts";
import { route } from "../../http/route.ts";
import { pageOfAll, pageQuery } from "../paging.ts";

const groupParams = v.object({ group: v.pipe(v.string(), v.description("The group's name or id.")) });
const memberParams = v.object({
  ...groupParams.entries,
  user: v.pipe(v.string(), v.description("The user's name or id.")),
});
const noQuery = v.strictObject({});
const response = { status: 200, description: "The group as it is now.", schema: groupSchema } as const;

/** `/api/groups`. */
export function groupRoutes() {
  return [
    route({
      method: "get",
      path: "/api/groups",
      operation: "listGroups",
      summary: "Groups with their members and grants",
      permission: "people:manage",
      request: v.object({ query: v.strictObject(pageQuery("all")) }),
      response: { status: 200, description: "By name.", schema: v.array(groupSchema) },
      handle: async ({ query }, { people }) =>
        pageOfAll("groups", await people.groups.list(), query, ({ name }) => name),
    }),
    route({
      method: "post",
      path: "/api/groups",
      operation: "createGroup",
      summary: "Makes a group",
      permission: "people:manage",
      request: v.object({ query: noQuery, body: newGroupSchema }),
      response: { status: 201, description: "The group.", schema: groupSchema },
      errors: ["conflict"],
      handle: async ({ body }, { user, people }) => ({ body: await people.groups.create(body, user.name) }),
    }),
    route({
      method: "delete",
      path: "/api/groups/:group",
      operation: "removeGroup",
      summary: "Removes a group with its grants",
      permission: "people:manage",
      request: v.object({ params: groupParams, query: noQuery }),
      response: { status: 204, description: "It is removed." },
      errors: ["not_found", "conflict"],
      handle: async ({ params }, { people }) => ({ body: await people.groups.remove(params.group) }),
    }),
    route({
      method: "put",
      path: "/api/groups/:group/members/:user",
      operation: "addMember",
      summary: "Puts a user into a group",
      permission: "people:manage",
      request: v.object({ params: memberParams, query: noQuery }),
      response,
      errors: ["not_found"],
      handle: async ({ params }, { people }) => ({
        body: await people.groups.addMember(params.group, params.user),
      }),
    }),
    route({
      method: "delete",
      path: "/api/groups/:group/members/:user",
      operation: "removeMember",
      summary: "Takes a user out of a group",
      permission: "people:manage",
      request: v.object({ params: memberParams, query: noQuery }),
      response,
      errors: ["not_found", "conflict"],
      handle: async ({ params }, { people }) => ({
        body: await people.groups.removeMember(params.group, params.user),
      }),
    }),
  ];
}
