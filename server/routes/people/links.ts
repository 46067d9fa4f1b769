import * as v from "valibot";
import { linkSchema, newLinkSchema } from "../../../contract/access/links.ts";
import { route } from "../../http/route.ts";

const user = v.pipe(v.string(), v.description("The user's name or id."));
const noQuery = v.strictObject({});

/** `/api/users/:user/identities`. */
export function linkRoutes() {
  return [
    route({
      method: "get",
      path: "/api/users/:user/identities",
      operation: "listIdentities",
      summary: "Who a user is at identity providers",
      permission: "people:manage",
      request: v.object({ params: v.object({ user }), query: noQuery }),
      response: { status: 200, description: "By issuer and subject.", schema: v.array(linkSchema) },
      errors: ["not_found"],
      handle: async ({ params }, { people }) => ({ body: await people.links.list(params.user) }),
    }),
    route({
      method: "post",
      path: "/api/users/:user/identities",
      operation: "linkIdentity",
      summary: "Links a user to a subject of an identity provider",
      permission: "people:manage",
      request: v.object({ params: v.object({ user }), query: noQuery, body: newLinkSchema }),
      response: { status: 201, description: "The link.", schema: linkSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params, body }, { user: { name }, people }) => ({
        body: await people.links.add(params.user, body, name),
      }),
    }),
    route({
      method: "delete",
      path: "/api/users/:user/identities/:id",
      operation: "unlinkIdentity",
      summary: "Removes a link; the sessions and tokens that it gave end",
      permission: "people:manage",
      request: v.object({
        params: v.object({ user, id: v.pipe(v.string(), v.description("The link's id.")) }),
        query: noQuery,
      }),
      response: { status: 204, description: "It is removed." },
      errors: ["not_found"],
      handle: async ({ params }, { people }) => ({ body: await people.links.remove(params.user, params.id) }),
    }),
  ];
}
