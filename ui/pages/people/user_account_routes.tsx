import { Hono } from "hono";
import { passwordPutSchema } from "../../../contract/access/passwords.ts";
import { FACTOR_NAMES } from "../../../contract/access/factors.ts";
import { AppError } from "../../../contract/errors.ts";
import { PROOF_NEEDED } from "../../../server/auth/factors/proof.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { statusOf } from "../../../server/http/problem.ts";
import { formatPlural } from "../../../text/format.ts";
import { listWords } from "../../../text/suggest.ts";
import { isChecked } from "../../parts/forms/field.tsx";
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
import { typedTwice } from "../sign_in/password_routes.tsx";
import { SetPasswordPage } from "./password_page.tsx";

/** What the page of people says of what was done. */
export interface DoneNote {
  readonly message: string;
  readonly detail?: string;
}

/** What gets somebody in or keeps them out: passwords and factors of others, for who has just shown who they are. */
export function userAccountRoutes(
  pages: PageContext,
  peoplePage: (
    visit: Visit,
    more: { readonly done?: DoneNote; readonly refusal?: AppError },
  ) => Promise<Response>,
): Hono<AppEnv> {
  const { proofs } = pages.secondFactor;
  const app = new Hono<AppEnv>();

  /** Leads whoever has to show once more who they are to where that is done, and back to `next` afterwards. */
  const proven = (next: (visit: Visit) => string, handle: (visit: Visit) => Promise<Response>) =>
    forPermitted(pages, "people:manage", async (visit) => {
      try {
        return await handle(visit);
      } catch (error) {
        if (!(error instanceof AppError) || error.reason !== PROOF_NEEDED) throw error;
        return visit.c.redirect(`/account/prove?${new URLSearchParams({ next: next(visit) })}`, 303);
      }
    });
  const passwordPath = ({ c }: Visit) => `/people/users/${encodeURIComponent(idOf(c))}/password`;

  const passwordPage = async ({ c, frame, people }: Visit, refusal?: AppError): Promise<Response> => {
    const user = await people.users.get(idOf(c));
    const notice = refusal === undefined ? {} : { refusal: noticeOf(refusal) };
    return pageResponse(
      c,
      <SetPasswordPage frame={frame} user={user} {...notice} />,
      refusal === undefined ? 200 : statusOf(refusal),
    );
  };

  app.get(
    "/people/users/:id/password",
    proven(passwordPath, async (visit) => {
      // Before it is typed: a password that was sent too early would have to be typed again.
      await proofs.requireForOthers(visit.user);
      return await passwordPage(visit);
    }),
  );
  app.post(
    "/people/users/:id/password",
    proven(passwordPath, async (visit) => {
      const { c, user, people } = visit;
      const form = await readForm(c);
      const { id, name } = await people.users.get(idOf(c));
      const set = await attempt(() => {
        const request = {
          password: typedTwice(form),
          must_change: isChecked(form, "must_change"),
          end_tokens: isChecked(form, "end_tokens"),
        };
        return people.passwords.set(id, checked(passwordPutSchema, request), user.name);
      });
      if ("refusal" in set) {
        if (set.refusal.reason === PROOF_NEEDED) throw set.refusal;
        return await passwordPage(visit, set.refusal);
      }
      const { tokens_ended: ended } = set.value;
      const tokens = ended === 0 ? "" : ` and ${formatPlural(ended, "token")}`;
      const message = `The password of ${name} is set; its sessions${tokens} have ended`;
      return await peoplePage(visit, { done: { message, ...mailDetail(set.value) } });
    }),
  );
  app.post(
    "/people/users/:id/factors",
    proven(() => "/people", async (visit) => {
      const { c, user, people } = visit;
      const { id, name } = await people.users.get(idOf(c));
      const reset = await attempt(() => people.factors.reset(id, user.name));
      if ("refusal" in reset) {
        if (reset.refusal.reason === PROOF_NEEDED) throw reset.refusal;
        return await peoplePage(visit, { refusal: reset.refusal });
      }
      const what = listWords(reset.value.kinds.map((kind) => FACTOR_NAMES[kind]), "and");
      const message = what === ""
        ? `${name} had no second factor`
        : `The ${what} of ${name} is gone with the recovery codes; its sessions have ended`;
      return await peoplePage(visit, { done: { message, ...mailDetail(reset.value) } });
    }),
  );
  return app;
}

const idOf = (c: Visit["c"]): string => c.req.param("id") ?? "";

const mailDetail = ({ mailed, problem }: { readonly mailed: boolean; readonly problem: string | null }) =>
  mailed ? { detail: "A mail has said so." } : problem === null ? {} : { detail: problem };
