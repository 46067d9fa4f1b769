import * as v from "valibot";
import { newUserSchema, userChangeSchema, userSchema } from "../../../contract/access/people.ts";
import { passwordPutSchema, passwordSetSchema } from "../../../contract/access/passwords.ts";
import { route } from "../../http/route.ts";
import { pageOf, pageQuery } from "../paging.ts";

const USERS_PER_PAGE = 100;

const userParams = v.object({ user: v.pipe(v.string(), v.description("The user's name or id.")) });
const noQuery = v.strictObject({});
const response = { status: 200, description: "As it is now.", schema: userSchema } as const;

/** `/api/users`. */
export function userRoutes() {
  return [
    route({
      method: "get",
      path: "/api/users",
      operation: "listUsers",
      summary: "Users, by name",
      permission: "people:manage",
      request: v.object({
        query: v.strictObject(pageQuery("100")),
      }),
      response: { status: 200, description: "By name.", schema: v.array(userSchema) },
      handle: async ({ query: { limit = USERS_PER_PAGE, cursor } }, { people }) =>
        pageOf(
          await people.users.list({ limit: limit + 1, ...(cursor === undefined ? {} : { after: cursor }) }),
          limit,
          ({ name }) => name,
        ),
    }),
    route({
      method: "post",
      path: "/api/users",
      operation: "createUser",
      summary: "Makes a user",
      permission: "people:manage",
      request: v.object({ query: noQuery, body: newUserSchema }),
      response: { status: 201, description: "The user.", schema: userSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ body }, { user, people }) => ({ body: await people.users.create(body, user.name) }),
    }),
    route({
      method: "get",
      path: "/api/users/:user",
      operation: "getUser",
      summary: "One user, with its groups and grants",
      permission: "people:manage",
      request: v.object({ params: userParams, query: noQuery }),
      response,
      errors: ["not_found"],
      handle: async ({ params }, { people }) => ({ body: await people.users.get(params.user) }),
    }),
    route({
      method: "patch",
      path: "/api/users/:user",
      operation: "changeUser",
      summary: "Changes a user, or disables it: its sessions end and its tokens let in no more",
      permission: "people:manage",
      request: v.object({ params: userParams, query: noQuery, body: userChangeSchema }),
      response,
      errors: ["not_found", "conflict"],
      handle: async ({ params, body }, { people }) => ({
        body: await people.users.change(params.user, body),
      }),
    }),
    route({
      method: "delete",
      path: "/api/users/:user",
      operation: "removeUser",
      summary: "Removes a user with its tokens, sessions and grants; what it did stays in the history",
      permission: "people:manage",
      request: v.object({ params: userParams, query: noQuery }),
      response: { status: 204, description: "It is removed." },
      errors: ["not_found", "conflict"],
      handle: async ({ params }, { people }) => ({ body: await people.users.remove(params.user) }),
    }),
    route({
      method: "put",
      path: "/api/users/:user/password",
      operation: "setPassword",
      summary: "Sets a person's password, ends its sessions and tokens, and tells it by mail",
      permission: "people:manage",
      request: v.object({ params: userParams, query: noQuery, body: passwordPutSchema }),
      response: { status: 200, description: "It is set.", schema: passwordSetSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params, body }, { user, people }) => ({
        body: await people.passwords.set(params.user, body, user.name),
      }),
    }),
  ];
}
