import type { Context, Handler } from "hono";
import type * as v from "valibot";
import { AppError } from "../../contract/errors.ts";
import { checkSchema } from "../../text/schema_faults.ts";
import type { Log } from "../../contract/log.ts";
import type { Clock } from "../../contract/clock.ts";
import type { Engine } from "../../engine/control/engine.ts";
import type { AuditReader } from "../../engine/control/audit/reader.ts";
import type { People } from "../../engine/control/people/port.ts";
import type { PasswordLinks } from "../../engine/control/people/passwords/links.ts";
import type { Secrets } from "../../engine/control/secrets/port.ts";
import type { PageForgotten } from "../../server/auth/forgotten.ts";
import type { Account } from "../../server/auth/account/own_account.ts";
import type { SecondFactorParts } from "../../server/auth/create_sign_in.ts";
import type { AppEnv } from "../../server/http/app_env.ts";
import type { ClientView } from "../../server/http/client_view.ts";
import { HttpError } from "../../server/http/problem.ts";
import type { Assets } from "../static/assets.ts";
import { type Frame, renderDocument } from "../parts/layout.tsx";
import { mayOffer, type PageAuth, type PageSignIn, type PageSso } from "../parts/page_auth.ts";
import { type Access, forbidden, mayAsk } from "../../contract/access/access.ts";
import type { Permission } from "../../contract/access/permissions.ts";
import type { Principal } from "../../contract/access/principal.ts";
import type { PipelineSubject } from "../../contract/access/scope.ts";

/** What the pages are handed by the composition root. */
export interface PagesOptions {
  /** The engine as whoever looks may use it. */
  readonly engineFor: (access: Access) => Engine;
  /** What decides who may do what with pipelines. */
  readonly places: {
    subjects(): Promise<readonly PipelineSubject[]>;
    /** Also of one that is gone. */
    subjectOf(pipeline: string): Promise<PipelineSubject>;
  };
  readonly secrets: Secrets;
  /** Users and what is granted to them, as whoever looks manages them. */
  readonly peopleFor: (access: Access) => People;
  /** The audit log, as whoever looks reads it. */
  readonly auditFor: (access: Access) => AuditReader;
  readonly auth: PageAuth;
  /** Whether others could read along what a client sends: nobody signs in then. Not asked by default. */
  readonly client?: Pick<ClientView, "isExposed">;
  readonly signIn: PageSignIn;
  /** None where the operator has named no identity provider. */
  readonly sso?: PageSso | undefined;
  readonly account: Account;
  readonly secondFactor: SecondFactorParts;
  readonly forgotten: PageForgotten;
  /** The links by which people choose a password. */
  readonly links: Pick<PasswordLinks, "look" | "use">;
  readonly version: string;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
}

export interface PageContext extends PagesOptions {
  readonly assets: Assets;
}

/** The document as a response, with the headers that were set on the request so far. */
export function pageResponse(
  c: Context<AppEnv>,
  page: { toString(): string },
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { body, headers: all } = c.body(renderDocument(page), 200, {
    ...headers,
    "content-type": "text/html; charset=utf-8",
  });
  return new Response(body, { status, headers: all });
}

/** What surrounds a page for this user, or for somebody who has not signed in. */
export function frameFor(pages: PageContext, access?: Access): Frame {
  const { assets, version, clock } = pages;
  return {
    assets,
    version,
    nowMs: clock.now(),
    may: (permission, about) => mayOffer(access, permission, about),
    ...(access === undefined ? {} : { user: access.principal }),
  };
}

/** What a handler for people who have signed in is given. */
export interface Visit {
  readonly c: Context<AppEnv>;
  readonly frame: Frame;
  readonly access: Access;
  readonly user: Principal;
  /** As it may be used by whoever looks. */
  readonly engine: Engine;
  readonly people: People;
  /** The frame of a page about one pipeline: what is offered there is what may be done with that. */
  about(pipeline: string): Promise<Frame>;
}

/** Sends those who have not signed in to the login page, and back here afterwards. */
export function forUser(pages: PageContext, handle: (visit: Visit) => Promise<Response>): Handler<AppEnv> {
  return async (c) => {
    const access = await pages.auth.currentAccess(c);
    if (access !== undefined) {
      const engine = pages.engineFor(access);
      const openProblems = await engine.alerts.countOpen();
      const { held_by: by, message } = await engine.server.status();
      const held = by === null || message === null ? {} : { held: { by, message } };
      const frame = { ...frameFor(pages, access), openProblems, ...held };
      const about = async (pipeline: string): Promise<Frame> => {
        const subject = await pages.places.subjectOf(pipeline);
        return { ...frame, may: (permission, other = subject) => mayOffer(access, permission, other) };
      };
      const people = pages.peopleFor(access);
      return await handle({ c, access, user: access.principal, engine, people, frame, about });
    }
    // An action is not repeated by itself after signing in: it leads to the overview.
    const { pathname, search } = new URL(c.req.url);
    const next = c.req.method === "GET" ? `${pathname}${search}` : "/";
    return c.redirect(next === "/" ? "/login" : `/login?next=${encodeURIComponent(next)}`, 303);
  };
}

/** As forUser, for what not everybody may do for something. Throws `forbidden` for the others; the engine asks what for. */
export function forPermitted(
  pages: PageContext,
  permission: Permission,
  handle: (visit: Visit) => Promise<Response>,
): Handler<AppEnv> {
  return forUser(pages, async (visit) => {
    if (await mayAsk(visit.access, permission, pages.places.subjects)) return await handle(visit);
    throw forbidden(visit.user, permission);
  });
}

/** The fields of a form that was posted. Throws invalid for any other body. */
export async function readForm(c: Context<AppEnv>): Promise<FormData> {
  try {
    return await c.req.formData();
  } catch (cause) {
    if (cause instanceof HttpError) throw cause;
    throw new AppError("invalid", "Cannot read the form: expected its fields as a browser sends them", {
      cause,
    });
  }
}

/** Throws invalid, with all that is wrong. */
export function checked<T>(schema: v.GenericSchema<unknown, T>, value: unknown): T {
  const parsed = checkSchema<T>(schema, value);
  if ("output" in parsed) return parsed.output;
  throw new AppError("invalid", parsed.faults.map(({ message }) => message).join("; "));
}

/** What stands in a field of a form; empty where it is not there. */
export function textOf(form: FormData, field: string): string {
  const value = form.get(field);
  return typeof value === "string" ? value : "";
}

/** Whether the page's own script asks, which takes only the parts marked `data-live`. */
export function isRefresh(c: Context<AppEnv>): boolean {
  return c.req.header("x-sluice-refresh") !== undefined;
}

/** The outcome of an action that the engine may refuse for a reason the user can do something about. */
export type Attempted<T> = { readonly value: T } | { readonly refusal: AppError };

/** Runs the action; a refusal is shown beside the form that was sent, every other error is thrown. */
export async function attempt<T>(action: () => Promise<T>): Promise<Attempted<T>> {
  try {
    return { value: await action() };
  } catch (error) {
    if (error instanceof AppError && (error.code === "invalid" || error.code === "conflict")) {
      return { refusal: error };
    }
    throw error;
  }
}

/** A refusal as a page's notice, faults included. */
export function noticeOf(refusal: AppError): { message: string; detail?: string } {
  const lines = [refusal.detail, ...refusal.faults.map((fault) => fault.message)]
    .filter((line) => line !== undefined);
  return { message: refusal.message, ...(lines.length === 0 ? {} : { detail: lines.join("\n") }) };
}
