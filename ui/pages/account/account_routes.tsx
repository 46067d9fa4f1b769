import { Hono } from "hono";
import { ownTokenSchema } from "../../../contract/access/people.ts";
import { PERMISSION_NAMES } from "../../../contract/access/permissions.ts";
import type { AppError } from "../../../contract/errors.ts";
import { requireWhole } from "../../../server/auth/auth.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { statusOf } from "../../../server/http/problem.ts";
import {
  attempt,
  checked,
  forUser,
  noticeOf,
  type PageContext,
  pageResponse,
  readForm,
  textOf,
  type Visit,
} from "../page_context.tsx";
import { isChecked } from "../../parts/forms/field.tsx";
import { typedTwice } from "../sign_in/password_routes.tsx";
import { endedTokens } from "./ended_tokens.ts";
import { AccountPage, type AccountPageView } from "./account_page.tsx";

/** The own account. */
export function accountRoutes(pages: PageContext): Hono<AppEnv> {
  const { account } = pages;
  const app = new Hono<AppEnv>();

  const page = async (
    { c, frame, access }: Visit,
    more: Pick<AccountPageView, "notice" | "done" | "made"> = {},
    status = 200,
  ): Promise<Response> => {
    const [view, sessions, tokens] = await Promise.all([
      account.view(access),
      account.sessions(access),
      account.tokens(access),
    ]);
    const permissions = PERMISSION_NAMES.filter((permission) => access.mayAnywhere(permission));
    return pageResponse(
      c,
      <AccountPage frame={frame} account={view} {...{ sessions, tokens, permissions }} {...more} />,
      status,
    );
  };

  /** A session that was begun with a token that is kept to something is not for the account. */
  const own = (handle: (visit: Visit) => Promise<Response>) =>
    forUser(pages, (visit) => {
      requireWhole(visit.access);
      return handle(visit);
    });

  const refused = (visit: Visit, refusal: AppError) =>
    page(visit, { notice: noticeOf(refusal) }, statusOf(refusal));

  const act = (
    path: string,
    work: (visit: Visit, form: FormData) => Promise<AccountPageView["made"] | void>,
  ) =>
    app.post(
      `/account/${path}`,
      own(async (visit) => {
        const form = await readForm(visit.c);
        const attempted = await attempt(() => work(visit, form));
        if ("refusal" in attempted) return await refused(visit, attempted.refusal);
        // Shown in this response alone: there is no address that it could be seen at again.
        if (attempted.value !== undefined) return await page(visit, { made: attempted.value });
        return visit.c.redirect("/account", 303);
      }),
    );

  app.get(
    "/account",
    own((visit) => {
      if (visit.c.req.query("done") !== "password") return page(visit);
      const tokens = endedTokens(visit.c.req.query("tokens"));
      const ended = tokens === undefined ? "" : ` and ${tokens}`;
      return page(visit, { done: `Your password is changed; your other sessions${ended} have ended` });
    }),
  );
  app.post(
    "/account/password",
    own(async (visit) => {
      const form = await readForm(visit.c);
      const changed = await attempt(() =>
        account.changePassword(visit.access, {
          current: textOf(form, "current"),
          password: typedTwice(form),
          end_tokens: isChecked(form, "end_tokens"),
        })
      );
      if ("refusal" in changed) return await refused(visit, changed.refusal);
      const { tokens_ended: ended } = changed.value;
      return visit.c.redirect(`/account?done=password${ended === 0 ? "" : `&tokens=${ended}`}`, 303);
    }),
  );
  act("sessions/end", ({ access }) => account.endOtherSessions(access));
  act("sessions/:id/end", ({ c, access }) => account.endSession(access, idOf(c)));
  act("tokens", ({ access }, form) => account.createToken(access, tokenRequest(form)));
  act("tokens/:id/rotate", ({ c, access }) => account.rotateToken(access, idOf(c), {}));
  act("tokens/:id/revoke", ({ c, access }) => account.revokeToken(access, idOf(c)));
  return app;
}

const idOf = (c: Visit["c"]): string => c.req.param("id") ?? "";

/** Throws invalid. */
function tokenRequest(form: FormData) {
  const permissions = form.getAll("permission").filter((one) => typeof one === "string");
  const pipelines = textOf(form, "pipelines").split(/[\s,]+/).filter((name) => name !== "");
  const expiresIn = textOf(form, "expires_in");
  return checked(ownTokenSchema, {
    name: textOf(form, "name").trim(),
    ...(expiresIn === "" ? {} : { expires_in: expiresIn }),
    ...(permissions.length + pipelines.length === 0 ? {} : {
      scopes: {
        ...(permissions.length === 0 ? {} : { permissions }),
        ...(pipelines.length === 0 ? {} : { pipelines }),
      },
    }),
  });
}
