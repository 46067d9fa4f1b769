import { type Context, Hono } from "hono";
import { assertionSchema, registrationSchema } from "../../../contract/access/factors.ts";
import type { FactorAdded } from "../../../contract/access/factors.ts";
import type { AppError } from "../../../contract/errors.ts";
import type { UsedFactor } from "../../../engine/control/factors/port.ts";
import type { FactorStep } from "../../../server/auth/factors/factor_sign_in.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { HttpError, statusOf } from "../../../server/http/problem.ts";
import { qrSquares } from "../../parts/account/qr_code.tsx";
import { answerOf } from "../account/passkey_answer.ts";
import {
  attempt,
  frameFor,
  noticeOf,
  type PageContext,
  pageResponse,
  readForm,
  textOf,
} from "../page_context.tsx";
import { CodesPage, EnrolPage, FactorPage, type PasskeysAt } from "./factor_page.tsx";
import { WRONG_FACTOR } from "./wrong_factor.ts";
import { safeNext } from "./safe_next.ts";

/** Signing in with a second factor, with a passkey alone, and getting a first factor where one is needed. */
export function factorRoutes(pages: PageContext): Hono<AppEnv> {
  const { factors, signIn } = pages.secondFactor;
  const app = new Hono<AppEnv>();

  const passkeysAt = (): PasskeysAt => factors.relyingParty();
  const beginAgain = (c: Context<AppEnv>) => c.redirect("/login?by=password&done=over", 303);

  /** What is asked of whoever is between the password and the factor. */
  const page = async (
    c: Context<AppEnv>,
    next: string,
    refusal?: { readonly message: string },
    status = 200,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> => {
    const waiting = await signIn.waiting(c);
    if (waiting === undefined) return beginAgain(c);
    const { half: { purpose }, user } = waiting;
    const view = { frame: frameFor(pages), passkeysAt: passkeysAt(), next, refusal };
    const kinds = purpose === "check" ? await factors.kinds(user.id) : [];
    const shown = purpose === "check"
      ? <FactorPage {...view} kinds={kinds} />
      : <EnrolPage {...view} name={user.name} />;
    return pageResponse(c, shown, status, headers);
  };

  /** Goes on from a factor that was shown. */
  const after = async (
    c: Context<AppEnv>,
    next: string,
    step: () => Promise<FactorStep>,
  ): Promise<Response> => {
    try {
      const came = await step();
      if (came.kind === "session") return c.redirect(next, 303);
      if (came.kind === "choose_password") return c.redirect(came.path, 303);
      if (came.kind === "over") return beginAgain(c);
      return await page(c, next, { message: WRONG_FACTOR[came.reason] }, 401);
    } catch (error) {
      if (!(error instanceof HttpError) || error.status !== 429) throw error;
      return await page(c, next, { message: error.message }, error.status, error.headers);
    }
  };

  app.get("/login/factor", (c) => page(c, safeNext(c.req.query("next"))));

  app.post("/login/factor", async (c) => {
    const form = await readForm(c);
    return await after(c, safeNext(textOf(form, "next")), () => signIn.withCode(c, textOf(form, "code")));
  });

  app.post("/login/factor/passkey/options", async (c) => {
    const options = await signIn.requestPasskey(c);
    return options === undefined ? beginAgain(c) : c.json(options);
  });

  app.post("/login/factor/passkey", async (c) => {
    const form = await readForm(c);
    const assertion = answerOf(form, assertionSchema);
    return await after(c, safeNext(textOf(form, "next")), () => signIn.withPasskey(c, assertion));
  });

  app.post("/login/passkey/options", async (c) => c.json(await signIn.ask(c, "sign_in", null)));

  app.post("/login/passkey", async (c) => {
    const form = await readForm(c);
    const next = safeNext(textOf(form, "next"));
    const step = await signIn.withPasskeyAlone(c, answerOf(form, assertionSchema));
    if (step.kind === "session") return c.redirect(next, 303);
    const why = step.kind === "wrong" ? step.reason : "unknown_passkey";
    return c.redirect(`/login?${new URLSearchParams({ by: "password", done: why, next })}`, 303);
  });

  /** What whoever has no factor and needs one is allowed to do: get the first one. */
  const enrolling = async (c: Context<AppEnv>) => {
    const waiting = await signIn.waiting(c);
    if (waiting?.half.purpose !== "enrol") return undefined;
    const isFirst = (await factors.kinds(waiting.user.id)).length === 0;
    return isFirst ? { ...waiting, by: signIn.actorOf(c, waiting.user) } : undefined;
  };

  const enrolPage = async (c: Context<AppEnv>, next: string, refusal?: AppError): Promise<Response> => {
    const enrolled = await enrolling(c);
    const enrolment = enrolled && await factors.pendingTotp(enrolled.user);
    if (enrolled === undefined || enrolment === undefined) return beginAgain(c);
    const totp = { enrolment, squares: await qrSquares(enrolment.uri) };
    const view = { frame: frameFor(pages), name: enrolled.user.name, passkeysAt: passkeysAt(), next, totp };
    const notice = refusal === undefined ? {} : { refusal: noticeOf(refusal) };
    return pageResponse(
      c,
      <EnrolPage {...view} {...notice} />,
      refusal === undefined ? 200 : statusOf(refusal),
    );
  };

  const enrolled = async (
    c: Context<AppEnv>,
    next: string,
    add: (one: NonNullable<Awaited<ReturnType<typeof enrolling>>>) => Promise<FactorAdded>,
    { factor, refused }: { factor: UsedFactor; refused: (refusal: AppError) => Promise<Response> },
  ): Promise<Response> => {
    const one = await enrolling(c);
    if (one === undefined) return beginAgain(c);
    const added = await attempt(() => add(one));
    if ("refusal" in added) return await refused(added.refusal);
    const step = await signIn.enrolled(c, one.half, factor);
    if (step.kind !== "session" && step.kind !== "choose_password") return beginAgain(c);
    const { recovery_codes: codes = [] } = added.value;
    const onwards = step.kind === "session" ? next : step.path;
    return pageResponse(c, <CodesPage frame={frameFor(pages)} codes={codes} next={onwards} />);
  };

  app.post("/login/enrol/totp", async (c) => {
    const next = safeNext(textOf(await readForm(c), "next"));
    const one = await enrolling(c);
    if (one === undefined) return beginAgain(c);
    await factors.startTotp(one.user);
    return await enrolPage(c, next);
  });

  app.post("/login/enrol/totp/confirm", async (c) => {
    const form = await readForm(c);
    const next = safeNext(textOf(form, "next"));
    return await enrolled(c, next, ({ user, by }) => factors.confirmTotp(user, textOf(form, "code"), by), {
      factor: "totp",
      refused: (refusal) => enrolPage(c, next, refusal),
    });
  });

  app.post("/login/enrol/passkey/options", async (c) => {
    const one = await enrolling(c);
    if (one === undefined) return beginAgain(c);
    const { options, ticket } = await factors.startPasskey(one.user);
    signIn.giveTicket(c, ticket);
    return c.json(options);
  });

  app.post("/login/enrol/passkey", async (c) => {
    const form = await readForm(c);
    const next = safeNext(textOf(form, "next"));
    const registration = answerOf(form, registrationSchema);
    const answer = { ticket: signIn.takeTicket(c), name: "First passkey", registration };
    return await enrolled(c, next, ({ user, by }) => factors.addPasskey(user, answer, by), {
      factor: "passkey",
      refused: (refusal) => page(c, next, noticeOf(refusal), statusOf(refusal)),
    });
  });

  return app;
}
