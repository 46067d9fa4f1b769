import * as v from "valibot";
import { sessionSchema } from "../../../contract/access/people.ts";
import { route } from "../../http/route.ts";
import { pageOfAll, pageQuery } from "../paging.ts";

/** `/api/sessions`. */
export function sessionRoutes() {
  return [
    route({
      method: "get",
      path: "/api/sessions",
      operation: "listSessions",
      summary: "Who has signed in on the page, the last used session first",
      permission: "people:manage",
      request: v.object({
        query: v.strictObject({
          ...pageQuery("all"),
          user: v.exactOptional(v.pipe(v.string(), v.description("Only those of this user."))),
        }),
      }),
      response: { status: 200, description: "Those that have not ended.", schema: v.array(sessionSchema) },
      errors: ["not_found"],
      handle: async ({ query }, { user, people }) => {
        const list = (await people.sessions.list(query.user))
          .map((one) => ({ ...one, is_current: one.id === user.sessionId }));
        return pageOfAll("sessions", list, query, ({ id }) => id);
      },
    }),
    route({
      method: "delete",
      path: "/api/sessions/:id",
      operation: "endSession",
      summary: "Ends a session",
      permission: "people:manage",
      request: v.object({
        params: v.object({ id: v.pipe(v.string(), v.description("The session's id.")) }),
        query: v.strictObject({}),
      }),
      response: { status: 204, description: "It is ended." },
      errors: ["not_found"],
      handle: async ({ params }, { people }) => ({ body: await people.sessions.end(params.id) }),
    }),
  ];
}
