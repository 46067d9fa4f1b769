import { Hono } from "hono";
import { AUDIT_OUTCOMES } from "../../../contract/audit/entry.ts";
import type { AuditConditions } from "../../../engine/control/audit/reader.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { statusOf } from "../../../server/http/problem.ts";
import { attempt, forPermitted, noticeOf, type PageContext, pageResponse } from "../page_context.tsx";
import { AuditPage } from "./audit_page.tsx";

const LINES_PER_PAGE = 100;

/** The audit log, for who may see it. */
export function auditRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get(
    "/audit",
    forPermitted(pages, "audit:read", async ({ c, frame, access }) => {
      const values = readConditions((name) => c.req.query(name));
      const cursor = c.req.query("cursor") ?? "";
      const isFirst = !/^\d{1,15}$/.test(cursor);
      const attempted = await attempt(() =>
        pages.auditFor(access).list(values, {
          limit: LINES_PER_PAGE + 1,
          ...(isFirst ? {} : { before: Number(cursor) }),
        })
      );
      const view = { frame, values };
      if ("refusal" in attempted) {
        const notice = noticeOf(attempted.refusal);
        const shown = { items: [], isFirst: true, next: null };
        return pageResponse(
          c,
          <AuditPage {...view} shown={shown} notice={notice} />,
          statusOf(attempted.refusal),
        );
      }
      const items = attempted.value.slice(0, LINES_PER_PAGE);
      const next = attempted.value.length > LINES_PER_PAGE ? String(items.at(-1)?.seq) : null;
      return pageResponse(c, <AuditPage {...view} shown={{ items, isFirst, next }} />);
    }),
  );
  return app;
}

/** Of an address; what was left empty, and an outcome that is none, is left out. */
function readConditions(query: (name: string) => string | undefined): AuditConditions {
  const found: Record<string, string> = {};
  for (const name of ["text", "action", "actor", "target", "pipeline", "since", "until"]) {
    const value = query(name)?.trim();
    if (value) found[name] = value;
  }
  const outcome = AUDIT_OUTCOMES.find((known) => known === query("outcome"));
  return { ...found, ...(outcome === undefined ? {} : { outcome }) };
}
