import { Hono } from "hono";
import {
  type InvitationView,
  newGroupSchema,
  newInvitationSchema,
  newUserSchema,
} from "../../../contract/access/people.ts";
import { type Scope, scopeSchema } from "../../../contract/access/scope.ts";
import type { AppError } from "../../../contract/errors.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { statusOf } from "../../../server/http/problem.ts";
import {
  attempt,
  checked,
  forPermitted,
  noticeOf,
  type PageContext,
  pageResponse,
  readForm,
  type Visit,
} from "../page_context.tsx";
import { PeoplePage } from "./people_page.tsx";
import { type DoneNote, userAccountRoutes } from "./user_account_routes.tsx";

/** Users, groups, grants and sessions, and what can be done with them. */
export function peopleRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  const page = async (
    { c, frame, user, people }: Visit,
    { refusal, invitation, done }: {
      readonly refusal?: AppError;
      readonly invitation?: InvitationView;
      readonly done?: DoneNote;
    } = {},
  ): Promise<Response> => {
    const [users, groups, roles, grants, sessions] = await Promise.all([
      people.users.list({}),
      people.groups.list(),
      people.roles.list(),
      people.grants.list(),
      people.sessions.list(),
    ]);
    const mine = sessions.map((one) => ({ ...one, is_current: one.id === user.sessionId }));
    const notice = refusal === undefined ? {} : { notice: noticeOf(refusal) };
    return pageResponse(
      c,
      <PeoplePage
        {...{ frame, users, groups, roles, grants }}
        sessions={mine}
        invitation={invitation}
        done={done}
        {...notice}
      />,
      refusal === undefined ? 200 : statusOf(refusal),
    );
  };

  const act = (path: string, work: (visit: Visit, form: Texts) => Promise<unknown>) =>
    app.post(
      `/people/${path}`,
      forPermitted(pages, "people:manage", async (visit) => {
        const form = textsOf(await readForm(visit.c));
        const attempted = await attempt(() => work(visit, form));
        if ("refusal" in attempted) return await page(visit, { refusal: attempted.refusal });
        return visit.c.redirect("/people", 303);
      }),
    );

  app.get("/people", forPermitted(pages, "people:manage", (visit) => page(visit)));
  act(
    "users",
    ({ user, people }, form) => people.users.create(checked(newUserSchema, given(form)), user.name),
  );
  app.post(
    "/people/invitations",
    forPermitted(pages, "people:manage", async (visit) => {
      const form = textsOf(await readForm(visit.c));
      const attempted = await attempt(() =>
        visit.people.invitations.invite(checked(newInvitationSchema, given(form)), visit.user.name)
      );
      if ("refusal" in attempted) return await page(visit, { refusal: attempted.refusal });
      // Shown in this response alone: whoever has the link has the account.
      return await page(visit, { invitation: attempted.value });
    }),
  );
  act("users/:id/disable", ({ c, people }) => people.users.change(idOf(c), { disabled: true }));
  act("users/:id/enable", ({ c, people }) => people.users.change(idOf(c), { disabled: false }));
  app.route("/", userAccountRoutes(pages, page));
  act(
    "groups",
    ({ user, people }, form) => people.groups.create(checked(newGroupSchema, given(form)), user.name),
  );
  act("groups/:id/members", ({ c, people }, form) => {
    const member = form["user"] ?? "";
    return form["action"] === "drop"
      ? people.groups.removeMember(idOf(c), member)
      : people.groups.addMember(idOf(c), member);
  });
  act("grants", ({ user, people }, form) => {
    const [holder = "", role = ""] = [form["holder"], form["role"]];
    return people.grants.add({ holder, role, scope: scopeOf(form) }, user.name);
  });
  act(
    "grants/revoke",
    ({ people }, form) =>
      people.grants.remove(form["holder"] ?? "", { role: form["role"] ?? "", scope: scopeOf(form) }),
  );
  act("sessions/:id/end", ({ c, people }) => people.sessions.end(idOf(c)));
  return app;
}

type Texts = Readonly<Record<string, string>>;

/** What was typed, without the blanks around it. */
function textsOf(form: FormData): Texts {
  const texts = [...form].flatMap(([name, value]) => typeof value === "string" ? [[name, value.trim()]] : []);
  return Object.fromEntries(texts);
}

/** Without what was left empty. */
const given = (form: Texts) => Object.fromEntries(Object.entries(form).filter(([, text]) => text !== ""));

const idOf = (c: Visit["c"]): string => c.req.param("id") ?? "";

/** Throws invalid. */
function scopeOf(form: Texts): Scope {
  const { kind, over } = form;
  return checked(scopeSchema, kind === "all" ? { kind } : { kind, name: over });
}
