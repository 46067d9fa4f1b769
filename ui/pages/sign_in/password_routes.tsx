import { type Context, Hono } from "hono";
import { AppError } from "../../../contract/errors.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { HttpError, statusOf } from "../../../server/http/problem.ts";
import {
  attempt,
  frameFor,
  noticeOf,
  type PageContext,
  pageResponse,
  readForm,
  textOf,
} from "../page_context.tsx";
import { isChecked } from "../../parts/forms/field.tsx";
import { ForgotPage, type ForgotView } from "./forgot_page.tsx";
import { ChoosePage } from "./choose_page.tsx";

/** Choosing a password by a link. */
export function passwordRoutes(pages: PageContext): Hono<AppEnv> {
  const { links, forgotten } = pages;
  const app = new Hono<AppEnv>();

  /** Throws not_found for a link that is good no more. */
  const page = async (c: Context<AppEnv>, text: string, refusal?: AppError): Promise<Response> => {
    const { kind, owner: { name } } = await links.look(text);
    const view = { link: text, kind, name, ...(refusal === undefined ? {} : { refusal: noticeOf(refusal) }) };
    const status = refusal === undefined ? 200 : statusOf(refusal);
    return pageResponse(c, <ChoosePage frame={frameFor(pages)} {...view} />, status);
  };

  app.get("/password", (c) => page(c, c.req.query("link") ?? ""));

  app.post("/password", async (c) => {
    const form = await readForm(c);
    const link = textOf(form, "link");
    const how = { address: pages.auth.addressOf(c), endsTokens: isChecked(form, "end_tokens") };
    const chosen = await attempt(() => links.use(link, typedTwice(form), how));
    if ("refusal" in chosen) return await page(c, link, chosen.refusal);
    const ended = chosen.value.tokensEnded;
    return c.redirect(`/login?by=password&done=password${ended === 0 ? "" : `&tokens=${ended}`}`, 303);
  });

  const forgottenPage = (c: Context<AppEnv>, more: Partial<ForgotView> = {}, status = 200, headers = {}) =>
    pageResponse(
      c,
      <ForgotPage frame={frameFor(pages)} canMail={forgotten.canMail} isAsked={false} {...more} />,
      status,
      headers,
    );

  app.get("/forgot", (c) => forgottenPage(c));

  app.post("/forgot", async (c) => {
    const form = await readForm(c);
    try {
      forgotten.ask(c, textOf(form, "username"));
    } catch (error) {
      if (!(error instanceof HttpError) || error.status !== 429) throw error;
      return forgottenPage(c, { refusal: { message: error.message } }, error.status, error.headers);
    }
    return forgottenPage(c, { isAsked: true });
  });

  return app;
}

/** The new password of a form. Throws invalid where it was not typed twice alike. */
export function typedTwice(form: FormData): string {
  const password = textOf(form, "password");
  if (password === textOf(form, "again")) return password;
  throw new AppError("invalid", "The two passwords are not the same: type them again");
}
