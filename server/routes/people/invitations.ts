import * as v from "valibot";
import { invitationSchema, newInvitationSchema } from "../../../contract/access/people.ts";
import { route } from "../../http/route.ts";

/** `/api/invitations`. */
export function invitationRoutes() {
  return [
    route({
      method: "post",
      path: "/api/invitations",
      operation: "inviteUser",
      summary: "Invites a user to choose a password, by mail or by a link to hand over",
      permission: "people:manage",
      request: v.object({ query: v.strictObject({}), body: newInvitationSchema }),
      response: { status: 201, description: "Who is invited, and how.", schema: invitationSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ body }, { user, people: { invitations } }) => ({
        body: await invitations.invite(body, user.name),
      }),
    }),
  ];
}
