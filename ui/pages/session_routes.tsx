import { Hono } from "hono";
import type { AppEnv } from "../../server/http/app_env.ts";
import { LoginPage, safeNext } from "./login_page.tsx";
import { frameFor, type PageContext, pageResponse, readForm } from "./page_context.tsx";

/** Signing in with a token, and out again. */
export function sessionRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.get("/login", async (c) => {
    const next = safeNext(c.req.query("next"));
    if (await pages.auth.currentAccess(c) !== undefined) return c.redirect(next, 303);
    return pageResponse(c, <LoginPage frame={frameFor(pages)} next={next} isRefused={false} />);
  });

  app.post("/login", async (c) => {
    const form = await readForm(c);
    const next = safeNext(textOf(form, "next"));
    const user = await pages.auth.signIn(c, textOf(form, "token").trim());
    if (user !== undefined) return c.redirect(next, 303);
    return pageResponse(c, <LoginPage frame={frameFor(pages)} next={next} isRefused />, 401);
  });

  app.post("/logout", async (c) => {
    await pages.auth.signOut(c);
    return c.redirect("/login", 303);
  });

  return app;
}

function textOf(form: FormData, field: string): string {
  const value = form.get(field);
  return typeof value === "string" ? value : "";
}
