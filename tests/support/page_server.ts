import { createAuditReader } from "../../engine/control/audit/reader.ts";
import { join } from "node:path";
import type { LogLevel } from "../../contract/log.ts";
import { NO_AUDIT } from "../../contract/audit/entry.ts";
import { systemClock } from "../../contract/clock.ts";
import { fileStoreUrl, openStore } from "../../engine/store/open.ts";
import { BUILT_IN_ROLES, type BuiltInRole as Role } from "../../contract/access/permissions.ts";
import type { Access } from "../../contract/access/access.ts";
import { guardedEngine } from "../../engine/control/access/guarded_engine.ts";
import { createPeople } from "../../engine/control/people/local_people.ts";
import { secretsIn } from "./fake_secrets.ts";
import { fakePlaces } from "./fake_places.ts";
import type { Store } from "../../engine/store/store.ts";
import { createApp } from "../../server/routes/app.ts";
import { Auth } from "../../server/auth/auth.ts";
import { OwnAccount } from "../../server/auth/account/own_account.ts";
import { SignIn } from "../../server/auth/sign_in.ts";
import { createClientView } from "../../server/http/client_view.ts";
import { listen, type Listener } from "../../server/http/listen.ts";
import { createPages } from "../../ui/pages/create_pages.tsx";
import { recordedAudit } from "./recorded_audit.ts";
import { quickHasher } from "./quick_hasher.ts";
import { NOW } from "./fake_project.ts";
import type { FakeEngine } from "./fake_engine.ts";

const SHUTDOWN_MS = 5_000;

/** The real server around an engine that is not: real routes, guards, sessions and a listening port. */
export class PageServer implements AsyncDisposable {
  readonly url: string;
  readonly tokens: Readonly<Record<Role, string>>;
  readonly #listener: Listener;
  readonly #store: Store;
  readonly #folder: string;

  private constructor(listener: Listener, store: Store, folder: string, tokens: Record<Role, string>) {
    this.url = listener.url;
    this.tokens = tokens;
    this.#listener = listener;
    this.#store = store;
    this.#folder = folder;
  }

  /** The pages' clock stands still at NOW; sessions and heartbeats follow the real one. */
  static async start(
    engine: FakeEngine,
    log: (level: LogLevel, message: string) => void = () => {},
  ): Promise<PageServer> {
    const folder = await Deno.makeTempDir({ prefix: "sluice-pages-" });
    const store = await openStore(fileStoreUrl(join(folder, "control.db")));
    const { access, passwords } = store;
    const hasher = quickHasher();
    const people = createPeople({ ...store, hasher, clock: systemClock });
    const secrets = secretsIn(store, folder);
    const tokens = { admin: "", engineer: "", operator: "", viewer: "" };
    for (const role of BUILT_IN_ROLES) {
      tokens[role] = (await people.tokens.create({ name: role, role }, "test")).token;
    }
    const client = createClientView({ trustProxy: false });
    const version = "0.1.0";
    const places = fakePlaces(engine);
    const auth = new Auth({ access, clock: systemClock, client, log, subjects: places.subjects });
    const links = people.passwordLinks;
    const signIn = new SignIn({
      auth,
      access,
      passwords,
      hasher,
      links,
      clock: systemClock,
      audit: NO_AUDIT,
      log,
    });
    const audit = recordedAudit();
    const { subjects } = places;
    const account = new OwnAccount({ people, access, passwords, clock: systemClock, audit, subjects });
    const engineFor = (access: Access) => guardedEngine(engine, access, places);
    const pages = createPages({
      engineFor,
      places,
      peopleFor: () => people,
      auditFor: () =>
        createAuditReader({ store: store.audit, clock: systemClock }, { flush: () => Promise.resolve() }),
      links,
      secrets,
      auth,
      signIn,
      account,
      version,
      log,
      clock: { now: () => Date.parse(NOW) },
    });
    const app = createApp({
      engineFor,
      server: engine.server,
      secrets,
      account,
      peopleFor: () => people,
      auditFor: () =>
        createAuditReader({ store: store.audit, clock: systemClock }, { flush: () => Promise.resolve() }),
      auth,
      version,
      clock: systemClock,
      log,
      pages,
    });
    const listener = await listen(app, { host: "127.0.0.1", port: 0 });
    return new PageServer(listener, store, folder, tokens);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener.shutdown(SHUTDOWN_MS);
    await this.#store[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
