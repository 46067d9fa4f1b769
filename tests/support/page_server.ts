import { Hono } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { requestId } from "hono/request-id";
import { streamSSE } from "hono/streaming";
import type { Engine } from "../../engine/engine.ts";
import type { Role } from "../../engine/store/store.ts";
import type { AppEnv } from "../../server/app_env.ts";
import { crossSiteGuard, securityHeaders } from "../../server/guards.ts";
import type { PageAuth } from "../../ui/page_auth.ts";
import { createPages } from "../../ui/pages.tsx";

/** Signs in whoever gives a role's name as the token; the cookie holds that name. */
export const namedRoles: PageAuth = {
  currentUser: (c) => Promise.resolve(userOf(getCookie(c, "role"))),
  signIn: (c, token) => {
    const user = userOf(token);
    if (user !== undefined) setCookie(c, "role", token, { httpOnly: true, path: "/" });
    return Promise.resolve(user);
  },
  signOut: (c) => {
    setCookie(c, "role", "", { path: "/", maxAge: 0 });
    return Promise.resolve();
  },
};

function userOf(name: string | undefined): { name: string; role: Role } | undefined {
  return name === "admin" || name === "operator" || name === "viewer" ? { name, role: name } : undefined;
}

export interface PageAppOptions {
  readonly engine: Engine;
  readonly now: () => number;
  readonly log?: (message: string) => void;
}

/** The pages behind the server's own guards, with the one API route that they use. */
export function createPageApp({ engine, now, log }: PageAppOptions): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.use(requestId(), securityHeaders(), crossSiteGuard());
  app.get("/api/runs/:id/events", (c) => {
    return streamSSE(c, async (stream) => {
      const ended = new AbortController();
      stream.onAbort(() => ended.abort());
      c.env?.closing?.addEventListener("abort", () => ended.abort());
      const after = Number(c.req.header("last-event-id") ?? c.req.query("after") ?? 0);
      for await (const { type, ...data } of engine.watchRun(c.req.param("id"), after, ended.signal)) {
        const id = "line" in data ? { id: String(data.line.seq) } : {};
        await stream.writeSSE({ event: type, data: JSON.stringify(data), ...id });
      }
    });
  });
  app.route(
    "/",
    createPages({
      engine,
      auth: namedRoles,
      version: "0.1.0",
      clock: { now },
      log: (_level, message) => log?.(message),
    }),
  );
  return app;
}
