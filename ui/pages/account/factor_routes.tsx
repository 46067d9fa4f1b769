import { Hono } from "hono";
import {
  assertionSchema,
  type FactorAdded,
  passkeyNameSchema,
  registrationSchema,
} from "../../../contract/access/factors.ts";
import { AppError } from "../../../contract/errors.ts";
import { PROOF_NEEDED } from "../../../server/auth/factors/proof.ts";
import { requireWhole } from "../../../server/auth/auth.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { HttpError, statusOf } from "../../../server/http/problem.ts";
import { checkSchema } from "../../../text/schema_faults.ts";
import { qrSquares } from "../../parts/account/qr_code.tsx";
import { CodesPage } from "../sign_in/factor_page.tsx";
import { safeNext } from "../sign_in/safe_next.ts";
import { WRONG_FACTOR } from "../sign_in/wrong_factor.ts";
import {
  attempt,
  type Attempted,
  forUser,
  noticeOf,
  type PageContext,
  pageResponse,
  readForm,
  textOf,
  type Visit,
} from "../page_context.tsx";
import { FactorsPage, OWN_FACTORS, ProvePage, TotpPage } from "./factor_pages.tsx";
import { answerOf } from "./passkey_answer.ts";

const HOME = OWN_FACTORS;

/** One's own second factors, and showing once more who one is before they are changed. */
export function accountFactorRoutes(pages: PageContext): Hono<AppEnv> {
  const { own, proofs, factors, signIn } = pages.secondFactor;
  const app = new Hono<AppEnv>();

  const page = async ({ c, frame, access }: Visit, refusal?: AppError): Promise<Response> => {
    const view = { frame, factors: await own.list(access), passkeysAt: factors.relyingParty() };
    const notice = refusal === undefined ? {} : { refusal: noticeOf(refusal) };
    return pageResponse(
      c,
      <FactorsPage {...view} {...notice} />,
      refusal === undefined ? 200 : statusOf(refusal),
    );
  };

  /** A session that was begun with a token that is kept to something is not for the account. */
  const whole = (handle: (visit: Visit) => Promise<Response>) =>
    forUser(pages, (visit) => {
      requireWhole(visit.access);
      return handle(visit);
    });

  /** As `whole`; who has to show once more that it is them is asked to. */
  const proven = (handle: (visit: Visit) => Promise<Response>) =>
    whole(async (visit) => {
      try {
        return await handle(visit);
      } catch (error) {
        if (!(error instanceof AppError) || error.reason !== PROOF_NEEDED) throw error;
        return visit.c.redirect("/account/prove", 303);
      }
    });

  const act = (path: string, work: (visit: Visit, form: FormData) => Promise<unknown>) =>
    app.post(
      `${HOME}/${path}`,
      proven(async (visit) => {
        const form = await readForm(visit.c);
        const done = await tried(() => work(visit, form));
        return "refusal" in done ? await page(visit, done.refusal) : visit.c.redirect(HOME, 303);
      }),
    );

  /** With the first factor recovery codes are made, which are shown this once. */
  const added = ({ c, frame }: Visit, { recovery_codes: codes }: FactorAdded): Response =>
    codes === undefined
      ? c.redirect(HOME, 303)
      : pageResponse(c, <CodesPage frame={frame} codes={codes} next={HOME} />);

  const totpPage = async ({ c, frame, access }: Visit, refusal?: AppError): Promise<Response> => {
    const enrolment = await own.pendingTotp(access);
    if (enrolment === undefined) return c.redirect(HOME, 303);
    const totp = { enrolment, squares: await qrSquares(enrolment.uri) };
    const notice = refusal === undefined ? {} : { refusal: noticeOf(refusal) };
    return pageResponse(
      c,
      <TotpPage frame={frame} totp={totp} {...notice} />,
      refusal === undefined ? 200 : statusOf(refusal),
    );
  };

  app.get(HOME, whole((visit) => page(visit)));

  app.get(`${HOME}/totp`, proven((visit) => totpPage(visit)));
  app.post(
    `${HOME}/totp`,
    proven(async (visit) => {
      const started = await tried(() => own.startTotp(visit.access));
      return "refusal" in started
        ? await page(visit, started.refusal)
        : visit.c.redirect(`${HOME}/totp`, 303);
    }),
  );
  app.post(
    `${HOME}/totp/confirm`,
    proven(async (visit) => {
      const form = await readForm(visit.c);
      const confirmed = await tried(() => own.confirmTotp(visit.access, textOf(form, "code")));
      return "refusal" in confirmed
        ? await totpPage(visit, confirmed.refusal)
        : added(visit, confirmed.value);
    }),
  );
  act("totp/remove", ({ access }) => own.removeTotp(access));

  app.post(
    `${HOME}/passkeys/options`,
    proven(async ({ c, access }) => {
      const { options, ticket } = await own.startPasskey(access);
      signIn.giveTicket(c, ticket);
      return c.json(options);
    }),
  );
  app.post(
    `${HOME}/passkeys`,
    proven(async (visit) => {
      const form = await readForm(visit.c);
      const ticket = signIn.takeTicket(visit.c);
      const done = await tried(() => {
        const answer = { ticket, name: nameOf(form), registration: answerOf(form, registrationSchema) };
        return own.addPasskey(visit.access, answer);
      });
      return "refusal" in done ? await page(visit, done.refusal) : added(visit, done.value);
    }),
  );
  act("passkeys/:id/rename", ({ c, access }, form) => own.renamePasskey(access, idOf(c), nameOf(form)));
  act("passkeys/:id/remove", ({ c, access }) => own.removePasskey(access, idOf(c)));

  app.post(
    `${HOME}/recovery`,
    proven(async (visit) => {
      const renewed = await tried(() => own.renewRecoveryCodes(visit.access));
      if ("refusal" in renewed) return await page(visit, renewed.refusal);
      return pageResponse(visit.c, <CodesPage frame={visit.frame} codes={renewed.value} next={HOME} />);
    }),
  );

  const provePage = async (
    { c, frame, user }: Visit,
    next: string,
    message?: string,
    status = 200,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> => {
    const kinds = await factors.kinds(user.id);
    const party = factors.relyingParty();
    const view = {
      frame,
      hasPassword: await pages.signIn.hasPassword(user.id),
      hasCodes: kinds.length > 0,
      passkeyOrigin: kinds.includes("passkey") && "origin" in party ? party.origin : undefined,
      refusal: message === undefined ? undefined : { message },
      next,
    };
    return pageResponse(c, <ProvePage {...view} />, status, headers);
  };

  /** Notes who has shown that it is them; `why` is what was wrong, where something was. */
  const prove = async (
    visit: Visit,
    form: FormData,
    show: () => Promise<string | undefined>,
  ): Promise<Response> => {
    const next = afterProof(textOf(form, "next"));
    try {
      const why = await show();
      if (why !== undefined) return await provePage(visit, next, why, 401);
    } catch (error) {
      if (!(error instanceof HttpError) || error.status !== 429) throw error;
      return await provePage(visit, next, error.message, error.status, error.headers);
    }
    await proofs.note(visit.user);
    return visit.c.redirect(next, 303);
  };

  app.get("/account/prove", whole((visit) => provePage(visit, afterProof(visit.c.req.query("next")))));
  app.post(
    "/account/prove",
    whole(async (visit) => {
      const { c, user } = visit;
      const form = await readForm(c);
      return await prove(visit, form, async () => {
        if (!form.has("code")) {
          const isRight = await pages.signIn.isPasswordOf(c, user.id, textOf(form, "password"));
          return isRight ? undefined : "That is not your password.";
        }
        const check = await signIn.proveByCode(c, user, textOf(form, "code"));
        return check.kind === "right" ? undefined : WRONG_FACTOR[check.reason];
      });
    }),
  );
  app.post(
    "/account/prove/passkey/options",
    whole(async ({ c, user }) => c.json(await signIn.ask(c, "prove", user.id))),
  );
  app.post(
    "/account/prove/passkey",
    whole(async (visit) => {
      const form = await readForm(visit.c);
      const assertion = answerOf(form, assertionSchema);
      return await prove(visit, form, async () => {
        const check = await signIn.proveByPasskey(visit.c, visit.user, assertion);
        return check.kind === "right" ? undefined : WRONG_FACTOR[check.reason];
      });
    }),
  );

  return app;
}

const idOf = (c: Visit["c"]): string => c.req.param("id") ?? "";

/** Where to go once somebody has shown who they are. */
const afterProof = (next = ""): string => next === "" ? HOME : safeNext(next);

/** As attempt; that somebody has to show once more who they are is thrown. */
async function tried<T>(action: () => Promise<T>): Promise<Attempted<T>> {
  const attempted = await attempt(action);
  if ("refusal" in attempted && attempted.refusal.reason === PROOF_NEEDED) throw attempted.refusal;
  return attempted;
}

/** Throws invalid. */
function nameOf(form: FormData): string {
  const checked = checkSchema<string>(passkeyNameSchema, textOf(form, "name"));
  if ("output" in checked) return checked.output;
  throw new AppError("invalid", "Give the passkey a name of up to 100 characters");
}
