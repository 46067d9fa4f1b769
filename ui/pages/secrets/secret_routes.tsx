import { Hono } from "hono";
import { actorOf } from "../../../contract/audit/actor.ts";
import { AppError } from "../../../contract/errors.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { statusOf } from "../../../server/http/problem.ts";
import {
  forPermitted,
  noticeOf,
  type PageContext,
  pageResponse,
  readForm,
  type Visit,
} from "../page_context.tsx";
import { SecretsPage } from "./secrets_page.tsx";

/** The secrets of the control store: set, replaced and deleted here, and never shown. */
export function secretRoutes(pages: PageContext): Hono<AppEnv> {
  const { secrets } = pages;
  const app = new Hono<AppEnv>();

  const page = async ({ c, frame }: Visit, refusal?: AppError): Promise<Response> => {
    const [list, keys] = await Promise.all([secrets.list(), secrets.keys()]);
    const notice = refusal === undefined ? {} : { notice: noticeOf(refusal) };
    return pageResponse(
      c,
      <SecretsPage {...{ frame, keys }} secrets={list} {...notice} />,
      refusal === undefined ? 200 : statusOf(refusal),
    );
  };

  const act = (path: string, work: (visit: Visit) => Promise<unknown>) =>
    app.post(
      `/secrets/${path}`,
      forPermitted(pages, "secrets:manage", async (visit) => {
        try {
          await work(visit);
        } catch (error) {
          if (error instanceof AppError && error.code !== "internal") return await page(visit, error);
          throw error;
        }
        return visit.c.redirect("/secrets", 303);
      }),
    );

  app.get("/secrets", forPermitted(pages, "secrets:manage", (visit) => page(visit)));
  act("set", async ({ c, user }) => {
    const form = await readForm(c);
    await secrets.put(textOf(form, "name").trim(), valueOf(form), actorOf(user));
  });
  act("rotate", ({ user }) => secrets.rotate({}, actorOf(user)));
  act(
    "delete",
    async ({ c, user }) =>
      await secrets.remove(textOf(await readForm(c), "name"), { isForced: false }, actorOf(user)),
  );
  return app;
}

const textOf = (form: FormData, name: string): string => {
  const text = form.get(name);
  return typeof text === "string" ? text : "";
};

/** Browsers send line breaks as CR LF, whatever was pasted; one at the end is not part of it, as in files. */
const valueOf = (form: FormData): string => textOf(form, "value").replaceAll("\r\n", "\n").replace(/\n$/, "");
