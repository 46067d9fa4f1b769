import { type Context, Hono } from "hono";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { HttpError } from "../../../server/http/problem.ts";
import { frameFor, type PageContext, pageResponse, readForm, textOf } from "../page_context.tsx";
import { WRONG_FACTOR } from "./wrong_factor.ts";
import { endedTokens } from "../account/ended_tokens.ts";
import { LoginPage, type LoginView } from "./login_page.tsx";
import { safeNext } from "./safe_next.ts";
import { signedOut } from "./sso_routes.tsx";

const WRONG = {
  token: { message: "That token is not known.", detail: "Copy it again, without spaces around it." },
  password: { message: "That name and password do not go together.", detail: "Type both again." },
} as const;

/** What the page says of what did not happen just before, by the word in its address. */
const FAILED: Readonly<Record<string, string>> = {
  ...WRONG_FACTOR,
  over: "That took too long, or too many codes were wrong: sign in again.",
};

const originOf = (party: { origin: string } | { unavailable: string }) =>
  "origin" in party ? party.origin : undefined;

/** Signing in with a password or a token, and out again. */
export function sessionRoutes(pages: PageContext): Hono<AppEnv> {
  const { auth, signIn, secondFactor: { factors } } = pages;
  const app = new Hono<AppEnv>();

  const page = (c: Context<AppEnv>, view: Omit<LoginView, "frame" | "sso">, status = 200, headers = {}) =>
    pageResponse(
      c,
      <LoginPage
        frame={frameFor(pages)}
        sso={pages.sso}
        passkeyOrigin={originOf(factors.relyingParty())}
        {...view}
      />,
      status,
      headers,
    );

  app.get("/login", async (c) => {
    const next = safeNext(c.req.query("next"));
    if (await auth.currentAccess(c) !== undefined) return c.redirect(next, 303);
    const asked = c.req.query("by");
    // Where nobody has a password yet, the token that the server has printed is the way in.
    const by = asked === "token" || asked === "password"
      ? asked
      : await signIn.isPasswordThere()
      ? "password"
      : "token";
    const word = c.req.query("done") ?? "";
    const tokens = endedTokens(c.req.query("tokens"));
    const done = word === "password"
      ? `Your password is set: sign in with it.${
        tokens === undefined ? "" : ` Ended with the old one: ${tokens}.`
      }`
      : undefined;
    const message = Object.hasOwn(FAILED, word) ? FAILED[word] : undefined;
    return page(c, {
      next,
      by,
      ...(done === undefined ? {} : { done }),
      ...(message === undefined ? {} : { refusal: { message } }),
    });
  });

  app.post("/login", async (c) => {
    const form = await readForm(c);
    const next = safeNext(textOf(form, "next"));
    const by = form.has("token") ? "token" : "password";
    const name = textOf(form, "username");
    const again = { next, by, ...(by === "password" ? { name } : {}) } as const;
    try {
      if (by === "token") {
        const access = await signIn.withToken(c, textOf(form, "token").trim());
        if (access !== undefined) return c.redirect(next, 303);
      } else {
        const step = await signIn.withPassword(c, name, textOf(form, "password"));
        if (step?.kind === "session") return c.redirect(next, 303);
        if (step?.kind === "second_factor") {
          return c.redirect(`/login/factor?${new URLSearchParams({ next })}`, 303);
        }
        if (step?.kind === "choose_password") return c.redirect(step.path, 303);
      }
    } catch (error) {
      if (!(error instanceof HttpError) || error.status !== 429) throw error;
      return page(c, { ...again, refusal: { message: error.message } }, error.status, error.headers);
    }
    return page(c, { ...again, refusal: WRONG[by] }, 401);
  });

  app.post("/logout", async (c) => {
    const endUrl = await pages.sso?.endUrl(c);
    await signIn.signOut(c);
    return endUrl === undefined ? c.redirect("/login", 303) : signedOut(pages, c, endUrl);
  });

  return app;
}
