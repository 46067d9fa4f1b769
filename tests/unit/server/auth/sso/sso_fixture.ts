import assert from "node:assert/strict";
import { type Context, Hono } from "hono";
import type { AuditEntry } from "../../../../../contract/audit/entry.ts";
import { aesSealer } from "../../../../support/aes_sealer.ts";
import { createPeople } from "../../../../../engine/control/people/local_people.ts";
import type { People } from "../../../../../engine/control/people/port.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import { Auth, OWN_ACCOUNT } from "../../../../../server/auth/auth.ts";
import { openSso } from "../../../../../server/auth/sso/open_sso.ts";
import type { AppEnv } from "../../../../../server/http/app_env.ts";
import { createClientView } from "../../../../../server/http/client_view.ts";
import { problemResponse } from "../../../../../server/http/problem.ts";
import { createOAuth } from "../../../../../server/routes/oauth.ts";
import { toAppError } from "../../../../../contract/errors.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";
import { quickHasher } from "../../../../support/quick_hasher.ts";
import { HostileIssuer } from "../../../../support/hostile_issuer.ts";
import { recordedAudit } from "../../../../support/recorded_audit.ts";
import { StoreFixture } from "../../../engine/store/store_fixture.ts";

export const BASE = "http://sluice.example:8080";

/** A browser's cookies, by name. */
export type Jar = Map<string, string>;

/** Signing in at an issuer that does what a test wants, on a real store and without a socket of ours. */
export class SsoFixture implements AsyncDisposable {
  readonly clock = new FakeClock(Date.now());
  readonly recorded: AuditEntry[] = [];
  readonly logged: string[] = [];
  /** Where requests come from. */
  address = "10.0.0.1";
  readonly #stores: StoreFixture;

  private constructor(
    stores: StoreFixture,
    readonly issuer: HostileIssuer,
    readonly store: Store,
    readonly people: People,
    readonly app: Hono<AppEnv>,
  ) {
    this.#stores = stores;
  }

  static async create(env: Readonly<Record<string, string>> = {}): Promise<SsoFixture> {
    const stores = new StoreFixture();
    const store = await stores.open();
    const issuer = await HostileIssuer.start();
    const app = new Hono<AppEnv>();
    const people = createPeople({
      ...store,
      hasher: quickHasher(),
      clock: { now: () => fixture.clock.now() },
    });
    const fixture = new SsoFixture(stores, issuer, store, people, app);
    await fixture.#mount(env);
    return fixture;
  }

  async #mount(env: Readonly<Record<string, string>>): Promise<void> {
    const { app, clock, store, recorded } = this;
    const variables: Readonly<Record<string, string>> = {
      SLUICE_OIDC_ISSUER: this.issuer.url,
      SLUICE_OIDC_CLIENT_ID: "sluice",
      SLUICE_OIDC_CLIENT_SECRET: "the client's secret",
      SLUICE_OIDC_AUDIENCE: "sluice-api",
      ...env,
    };
    const log = (_level: string, message: string) => void this.logged.push(message);
    const audit = recordedAudit(recorded);
    const client = createClientView({ trustProxy: false });
    const subjects = () => Promise.resolve([{ name: "orders", tags: [], owner: "boss" }]);
    const sso = await openSso({
      env: (name) => variables[name],
      readFile: Deno.readTextFile,
      publicUrl: BASE,
      baseUrl: () => BASE,
      store,
      sealer: aesSealer(),
      audit,
      clock,
      log,
      subjects,
    });
    const auth = new Auth({ access: store.access, clock, client, log, subjects, jwt: sso.jwt });
    const signOn = sso.signOn(auth) ?? assert.fail();
    app.onError((error, c) => problemResponse(toAppError(error), c.get("requestId") ?? ""));
    app.get("/oidc/login", async (c) => c.redirect(await signOn.begin(c, c.req.query("next") ?? "/"), 303));
    app.get("/oidc/callback", async (c) => c.redirect(await signOn.finish(c), 303));
    app.post("/logout", async (c) => {
      const end = await signOn.endUrl(c);
      await auth.signOut(c);
      return c.text(end ?? "none");
    });
    app.get("/me", async (c) => c.text((await auth.currentAccess(c))?.principal.name ?? "nobody"));
    app.post(
      "/token-sign-in",
      async (c) => c.text((await auth.signIn(c, await c.req.text()))?.principal.name ?? "nobody"),
    );
    app.get("/api", async (c) => {
      const { principal, mayAnywhere } = await auth.requireAccess(c, "pipeline:view");
      return c.json({ name: principal.name, run: mayAnywhere("pipeline:run") });
    });
    app.get("/account", async (c) => c.text((await auth.requireAccess(c, OWN_ACCOUNT)).principal.name));
    const addressOf = (c: Context) => auth.addressOf(c);
    app.route(
      "/",
      createOAuth({ access: store.access, sso, audit, clock, log, addressOf, baseUrl: () => BASE }),
    );
  }

  /** Asks as a browser with these cookies. */
  async ask(path: string, jar: Jar = new Map(), init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (jar.size > 0) headers.set("cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await this.app.request(`http://evil-host.example${path}`, { ...init, headers }, {
      remoteAddress: this.address,
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/max-age=0/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  }

  /** Goes to the issuer, which signs these claims, and comes back with `back` changed. */
  async signIn(
    claims: Record<string, unknown>,
    { jar = new Map(), back = {}, header = {}, next = "/", token }: {
      readonly jar?: Jar;
      readonly back?: Readonly<Record<string, string>>;
      readonly header?: Record<string, unknown>;
      readonly next?: string;
      readonly token?: (nonce: string) => Promise<string>;
    } = {},
  ): Promise<Response> {
    const there = await this.begin(jar, next);
    const nonce = there.searchParams.get("nonce") ?? "";
    this.issuer.idToken = await token?.(nonce) ??
      await this.issuer.sign({ aud: "sluice", nonce, ...claims }, header);
    const query = new URLSearchParams({
      code: "abc",
      state: there.searchParams.get("state") ?? "",
      iss: this.issuer.url,
      ...back,
    });
    return await this.ask(`/oidc/callback?${query}`, jar);
  }

  /** The address at the issuer that a sign-in leads to. */
  async begin(jar: Jar, next = "/"): Promise<URL> {
    const response = await this.ask(`/oidc/login?next=${encodeURIComponent(next)}`, jar);
    assert.equal(response.status, 303, await response.text());
    return new URL(response.headers.get("location") ?? "");
  }

  async me(jar: Jar): Promise<string> {
    return await (await this.ask("/me", jar)).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.issuer[Symbol.asyncDispose]();
    await this.#stores[Symbol.asyncDispose]();
  }
}
