import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import type { AuditEntry } from "../../../../contract/audit/entry.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { Sealer } from "../../../../contract/keys/sealer.ts";
import { cachedStore } from "../../../../engine/secrets/cached_store.ts";
import { LeaseBook } from "../../../../engine/secrets/leases/lease_book.ts";
import { openLeaseNotes } from "../../../../engine/secrets/leases/lease_notes.ts";
import { type ReferenceSources, resolveConnector } from "../../../../engine/secrets/resolve.ts";
import {
  type LeaseOffice,
  PLACEHOLDER,
  PLACEHOLDER_DOCUMENT,
  type Secret,
  type SecretStore,
} from "../../../../engine/secrets/secret_store.ts";
import { beginUse } from "../../../../engine/secrets/uses.ts";
import { FakeClock, settle } from "../../../support/fake_clock.ts";
import { recordedAudit } from "../../../support/recorded_audit.ts";

const SHOP = {
  type: "database",
  user: "${vault:database/creds/ro#username}",
  password: "${vault:database/creds/ro#password}",
};

/** A store that makes a user for each lease, and loses it when the lease ends. */
class LeasingStore implements SecretStore, LeaseOffice {
  readonly place = "https://vault.test";
  readonly clock: FakeClock;
  readonly live = new Map<string, { endsMs: number; maxEndsMs: number }>();
  made = 0;
  renewals = 0;
  failure: AppError | undefined;
  endsAnywayMs: number | undefined;

  constructor(clock: FakeClock, readonly ttlMs = 60_000, readonly maxTtlMs = 150_000) {
    this.clock = clock;
  }

  get(_name: string, ask: { readonly mayLease?: boolean | undefined } = {}): Promise<Secret | undefined> {
    if (ask.mayLease !== true) return Promise.resolve(PLACEHOLDER_DOCUMENT);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const id = `database/creds/ro/${++this.made}`;
    this.live.set(id, { endsMs: this.clock.now() + this.ttlMs, maxEndsMs: this.clock.now() + this.maxTtlMs });
    return Promise.resolve({
      fields: { username: `user-${this.made}`, password: `pass-${this.made}` },
      lease: { id, ttlMs: this.ttlMs, isRenewable: true, endsAnyway: () => this.endsAnywayMs },
    });
  }

  renew(id: string) {
    this.renewals++;
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const lease = this.live.get(id);
    if (lease === undefined || lease.endsMs <= this.clock.now()) {
      return Promise.reject(new AppError("not_found", "the lease has ended"));
    }
    lease.endsMs = Math.min(this.clock.now() + this.ttlMs, lease.maxEndsMs);
    return Promise.resolve({ ttlMs: lease.endsMs - this.clock.now(), isRenewable: true });
  }

  revoke(id: string) {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.live.delete(id);
    return Promise.resolve();
  }
}

const sourcesOf = (vault: SecretStore): ReferenceSources => ({
  env: () => undefined,
  secrets: { get: (name) => Promise.resolve(name === "TOKEN" ? "a-token" : undefined) },
  stores: { vault },
});

interface Keeping {
  readonly clock: FakeClock;
  readonly store: LeasingStore;
  readonly leases: LeaseBook;
  readonly recorded: AuditEntry[];
  readonly logged: string[];
  begin(): ReturnType<typeof beginUse>;
}

function keepingOf(folder?: string, sealer?: Sealer, store?: LeasingStore): Keeping {
  const clock = store?.clock ?? new FakeClock("2026-01-01T00:00:00Z");
  const leasing = store ?? new LeasingStore(clock);
  const logged: string[] = [];
  const recorded: AuditEntry[] = [];
  const notes = folder === undefined ? undefined : openLeaseNotes({ folder, sealer });
  const leases = new LeaseBook({ clock, log: (_level, message) => logged.push(message), notes });
  const audit = recordedAudit(recorded);
  return {
    clock,
    store: leasing,
    leases,
    recorded,
    logged,
    begin: () =>
      beginUse(sourcesOf(leasing), { audit, leases }, { kind: "run", pipeline: "orders", run: "01RUN" }),
  };
}

const resolved = async (use: ReturnType<typeof beginUse>, isAfresh = false) => {
  const { config, references } = await resolveConnector("shop", SHOP, use.sources, {
    mayLease: true,
    isAfresh,
  });
  return { user: config["user"], goodForMs: use.goodForMs(references) };
};

Deno.test("user and password are of one lease, which all connections of a run have, and no other run", async () => {
  const { store, begin, leases } = keepingOf();
  const use = begin();
  const both = await Promise.all([resolved(use), resolved(use), resolved(use)]);
  deepEqual(new Set(both.map(({ user }) => user)), new Set(["user-1"]));
  const { config } = await resolveConnector("shop", SHOP, use.sources, { mayLease: true });
  deepEqual(config, { user: "user-1", password: "pass-1" });
  const other = begin();
  equal((await resolved(other)).user, "user-2");
  use[Symbol.dispose]();
  await settle();
  deepEqual([...store.live.keys()], ["database/creds/ro/2"]);
  await leases[Symbol.asyncDispose]();
  equal(store.live.size, 0, "what is under way at the end is revoked");
});

Deno.test("what decides about a process makes no credentials", async () => {
  const { store, begin } = keepingOf();
  using use = begin();
  const { config } = await resolveConnector("shop", SHOP, use.sources);
  deepEqual(config, { user: PLACEHOLDER, password: PLACEHOLDER });
  equal(store.made, 0);
  const without = beginUse(sourcesOf(store), undefined, { kind: "check" });
  const unkept = await resolveConnector("shop", SHOP, without.sources);
  deepEqual(unkept.config, config);
});

Deno.test("a lease is renewed while the run goes on, and another one is made near its longest time", async () => {
  const { store, clock, begin } = keepingOf();
  using use = begin();
  const first = await resolved(use);
  deepEqual(first, { user: "user-1", goodForMs: 45_000 });
  await clock.advance(100_000);
  ok(store.renewals >= 2);
  equal((await resolved(use)).user, "user-1");
  // 150 s is the most: what connects in the last of it gets another user.
  await clock.advance(40_000);
  const second = await resolved(use);
  equal(second.user, "user-2");
  equal(second.goodForMs, 45_000);
});

Deno.test("a lease that was taken back, or ends with its token, is another one for the next connection", async () => {
  const { store, clock, begin } = keepingOf();
  using use = begin();
  await resolved(use);
  store.live.clear();
  await clock.advance(40_000);
  equal((await resolved(use)).user, "user-2");
  store.endsAnywayMs = clock.now() + 2_000;
  equal((await resolved(use)).user, "user-3");
  // The database did not let it in, whatever the store says.
  store.endsAnywayMs = undefined;
  equal((await resolved(use)).user, "user-3");
  equal((await resolved(use, true)).user, "user-4");
});

Deno.test("a renewal that fails is tried again, and one that cannot be revoked is told of", async () => {
  const { store, clock, begin, logged, leases } = keepingOf();
  const use = begin();
  await resolved(use);
  store.failure = new AppError("unavailable", "Vault is sealed");
  await clock.advance(37_000);
  store.failure = undefined;
  await clock.advance(12_000);
  equal((await resolved(use)).user, "user-1");
  store.failure = new AppError("forbidden", "may not revoke");
  use[Symbol.dispose]();
  await settle();
  ok(logged.includes("a lease could not be renewed"));
  ok(logged.includes("a lease could not be revoked"));
  await leases[Symbol.asyncDispose]();
});

Deno.test("a run that ends while its credentials are made leaves none", async () => {
  const { store, begin } = keepingOf();
  const use = begin();
  const asked = resolved(use);
  use[Symbol.dispose]();
  await rejects(asked, /the run is over/);
  await settle();
  equal(store.live.size, 0);
});

Deno.test("what a killed process has left is revoked by the next one, and not what another has under way", async () => {
  const folder = await Deno.makeTempDir();
  const sealed: string[] = [];
  const sealer: Sealer = {
    seal: (text, place) => {
      sealed.push(place);
      return Promise.resolve(`sealed ${place} ${text.split("").reverse().join("")}`);
    },
    open: (text, place) => {
      if (!text.startsWith(`sealed ${place} `)) throw new AppError("invalid", "damaged");
      return Promise.resolve(text.slice(`sealed ${place} `.length).split("").reverse().join(""));
    },
  };
  try {
    const killed = keepingOf(folder, sealer);
    const { store } = killed;
    using _use = killed.begin();
    await resolved(_use);
    equal(sealed.length, 1);
    const [owner = ""] = [...Deno.readDirSync(folder)].map(({ name }) => name);
    for (const { name } of Deno.readDirSync(join(folder, owner))) {
      equal(
        (await Deno.readTextFile(join(folder, owner, name))).includes("database/creds"),
        false,
        "it is sealed",
      );
      equal((Deno.statSync(join(folder, owner, name)).mode ?? 0) & 0o077, 0);
    }
    const beside = keepingOf(folder, sealer, store);
    const useBeside = beside.begin();
    equal((await resolved(useBeside)).user, "user-2");
    beside.leases.revokeLeft(store);
    await settle();
    equal(store.live.size, 2, "both are under way");
    // As the kernel does it when a process is killed: the lock is gone, the notes stay.
    const copy = join(folder, "01KILLED");
    await Deno.mkdir(copy);
    for (const { name } of Deno.readDirSync(join(folder, owner))) {
      await Deno.copyFile(join(folder, owner, name), join(copy, name));
    }
    await Deno.writeTextFile(join(copy, "half"), "{");
    const next = keepingOf(folder, sealer, store);
    next.leases.revokeLeft(store);
    await next.leases[Symbol.asyncDispose]();
    deepEqual([...store.live.keys()], ["database/creds/ro/2"]);
    equal(await Deno.stat(copy).then(() => true, () => false), false, "nothing is left of it");
    useBeside[Symbol.dispose]();
    await beside.leases[Symbol.asyncDispose]();
    await killed.leases[Symbol.asyncDispose]();
    deepEqual([...Deno.readDirSync(folder)], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a lease that cannot be noted is not used", async () => {
  const file = await Deno.makeTempFile();
  try {
    const { store, begin, leases } = keepingOf(join(file, "leases"));
    using use = begin();
    await rejects(resolved(use));
    equal(store.live.size, 0);
    await leases[Symbol.asyncDispose]();
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a use is written down once for each reference and connector, and holds no value", async () => {
  const { begin, recorded } = keepingOf();
  using use = begin();
  for (const _ of [1, 2]) {
    const { references } = await resolveConnector(
      "shop",
      { ...SHOP, token: "${secret:TOKEN}" },
      use.sources,
      { mayLease: true },
    );
    await use.record(references, { kind: "connector", name: "shop" });
  }
  deepEqual(recorded.map(({ target }) => target?.name), [
    "vault:database/creds/ro#username",
    "vault:database/creds/ro#password",
    "secret:TOKEN",
  ]);
  const [first] = recorded;
  equal(first?.action, "secret.use");
  equal(first?.pipeline, "orders");
  deepEqual(first?.details, { connector: "shop", for: "run", run: "01RUN" });
  equal(/user-1|pass-1|a-token/.test(JSON.stringify(recorded)), false);
});

Deno.test("cachedStore() asks once for all who ask in its time, and never keeps what was not there", async () => {
  const clock = new FakeClock(0);
  let asked = 0;
  let value: string | undefined = "one";
  let failure: Error | undefined;
  const store = cachedStore({
    get: () => {
      asked++;
      return failure === undefined ? Promise.resolve(value) : Promise.reject(failure);
    },
  }, { clock, keepMs: 60_000 });
  const many = await Promise.all(Array.from({ length: 1_000 }, () => store.get("a")));
  deepEqual([new Set(many), asked], [new Set(["one"]), 1]);
  value = "two";
  equal(await store.get("a"), "one");
  equal(await store.get("a", { version: "2" }), "two", "another version is another one");
  equal(await store.get("a", { isAfresh: true }), "two");
  equal(await store.get("a"), "two");
  value = "three";
  store.forget?.("a");
  equal(await store.get("a"), "three");
  value = undefined;
  await clock.advance(60_001);
  equal(await store.get("a"), undefined);
  value = "four";
  equal(await store.get("a"), "four");
  failure = new Error("gone");
  await rejects(store.get("b"), /gone/);
  failure = undefined;
  equal(await store.get("b"), "four");
});

Deno.test("cachedStore() keeps no lease, and a rotated password no longer than its store says", async () => {
  const clock = new FakeClock(0);
  const leasing = new LeasingStore(clock);
  const store = cachedStore(leasing, { clock, keepMs: 60_000 });
  equal((await store.get("x")) === PLACEHOLDER_DOCUMENT, true);
  const [one, two] = await Promise.all([
    store.get("x", { mayLease: true }),
    store.get("x", { mayLease: true }),
  ]);
  notEqual(JSON.stringify(one), JSON.stringify(two));
  let made = 0;
  const rotated = cachedStore({
    get: () => Promise.resolve({ fields: { password: String(++made) }, freshForMs: 5_000 }),
  }, { clock, keepMs: 60_000 });
  await rotated.get("r");
  await clock.advance(4_000);
  match(JSON.stringify(await rotated.get("r")), /"1"/);
  await clock.advance(2_000);
  match(JSON.stringify(await rotated.get("r")), /"2"/);
});
