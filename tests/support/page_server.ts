import { createAuditReader } from "../../engine/control/audit/reader.ts";
import { join } from "node:path";
import type { LogLevel } from "../../contract/log.ts";
import { NO_AUDIT } from "../../contract/audit/entry.ts";
import { systemClock } from "../../contract/clock.ts";
import { fileStoreUrl, openStore } from "../../engine/store/open.ts";
import { BUILT_IN_ROLES, type BuiltInRole as Role } from "../../contract/access/permissions.ts";
import type { Access } from "../../contract/access/access.ts";
import { provenPeople } from "../../engine/control/access/proven_people.ts";
import { guardedEngine } from "../../engine/control/access/guarded_engine.ts";
import type { People } from "../../engine/control/people/port.ts";
import { createPeople } from "../../engine/control/people/local_people.ts";
import { secretsIn } from "./fake_secrets.ts";
import { fakePlaces } from "./fake_places.ts";
import type { Store } from "../../engine/store/store.ts";
import { createApp } from "../../server/routes/app.ts";
import { Auth } from "../../server/auth/auth.ts";
import { OwnAccount } from "../../server/auth/account/own_account.ts";
import { createSignIn } from "../../server/auth/create_sign_in.ts";
import type { FactorRequirement } from "../../server/auth/factors/requirement.ts";
import { relyingPartyOf } from "../../engine/control/factors/relying_party.ts";
import { aesSealer } from "./aes_sealer.ts";
import { createClientView } from "../../server/http/client_view.ts";
import { listen, type Listener } from "../../server/http/listen.ts";
import { createPages } from "../../ui/pages/create_pages.tsx";
import { NO_RESETS } from "./fake_people.ts";
import { recordedAudit } from "./recorded_audit.ts";
import { quickHasher } from "./quick_hasher.ts";
import { NOW } from "./fake_project.ts";
import type { FakeEngine } from "./fake_engine.ts";

const SHUTDOWN_MS = 5_000;

/** The real server around an engine that is not: real routes, guards, sessions and a listening port. */
export class PageServer implements AsyncDisposable {
  readonly url: string;
  readonly tokens: Readonly<Record<Role, string>>;
  readonly people: People;
  readonly store: Store;
  /** The file of the store. */
  readonly storePath: string;
  readonly #listener: Listener;
  readonly #folder: string;

  private constructor(
    listener: Listener,
    { people, store }: { readonly people: People; readonly store: Store },
    folder: string,
    tokens: Record<Role, string>,
  ) {
    this.url = listener.url;
    this.tokens = tokens;
    this.people = people;
    this.store = store;
    this.#listener = listener;
    this.#folder = folder;
    this.storePath = join(folder, "control.db");
  }

  /** The pages' clock stands still at NOW; sessions and heartbeats follow the real one. */
  static async start(
    engine: FakeEngine,
    log: (level: LogLevel, message: string) => void = () => {},
    requirement: FactorRequirement = "nobody",
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
    const listensAt = { url: "http://127.0.0.1" };
    const signIns = createSignIn({
      store,
      auth,
      hasher,
      links,
      sealer: aesSealer(),
      clock: systemClock,
      audit: NO_AUDIT,
      log,
      requirement,
      relyingParty: () => relyingPartyOf(undefined, listensAt.url),
    });
    const audit = recordedAudit();
    const { subjects } = places;
    const account = new OwnAccount({ people, access, passwords, clock: systemClock, audit, subjects });
    const engineFor = (access: Access) => guardedEngine(engine, access, places);
    const pages = createPages({
      engineFor,
      places,
      peopleFor: (access) =>
        provenPeople(people, () => signIns.secondFactor.proofs.requireForOthers(access.principal)),
      auditFor: () =>
        createAuditReader({ store: store.audit, clock: systemClock }, { flush: () => Promise.resolve() }),
      links,
      secrets,
      auth,
      account,
      ...signIns,
      forgotten: NO_RESETS,
      version,
      log,
      clock: { now: () => Date.parse(NOW) },
    });
    const app = createApp({
      engineFor,
      server: engine.server,
      secrets,
      account,
      ownFactors: signIns.secondFactor.own,
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
    listensAt.url = listener.url;
    return new PageServer(listener, { people, store }, folder, tokens);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener.shutdown(SHUTDOWN_MS);
    await this.store[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
