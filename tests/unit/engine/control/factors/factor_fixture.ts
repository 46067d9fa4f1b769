import type { AuditEntry } from "../../../../../contract/audit/entry.ts";
import type { Sealer } from "../../../../../contract/keys/sealer.ts";
import { LocalFactors } from "../../../../../engine/control/factors/local_factors.ts";
import { totpCode } from "../../../../../engine/control/factors/codes.ts";
import type { RelyingPartyOr } from "../../../../../engine/control/factors/relying_party.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import { aesSealer } from "../../../../support/aes_sealer.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";
import { recordedAudit } from "../../../../support/recorded_audit.ts";
import { StoreFixture } from "../../store/store_fixture.ts";

export const ORIGIN = "https://sluice.example.com";
export const MIA = { id: "11111111-1111-4111-8111-111111111111", name: "mia" };
export const NOA = { id: "22222222-2222-4222-8222-222222222222", name: "noa" };
export const BY = { id: MIA.id, name: MIA.name, kind: "person" } as const;

/** Factors over a real store, with two users and a clock that stands still. */
export class FactorFixture implements AsyncDisposable {
  readonly clock = new FakeClock("2026-11-27T10:00:10Z");
  readonly recorded: AuditEntry[] = [];
  readonly logged: string[] = [];
  party: RelyingPartyOr = { id: "sluice.example.com", origin: ORIGIN };
  readonly #files = new StoreFixture();
  #store: Store | undefined;
  #factors: LocalFactors | undefined;

  static async create(sealer: Sealer = aesSealer()): Promise<FactorFixture> {
    const fixture = new FactorFixture();
    const store = await fixture.#files.open();
    for (const user of [MIA, NOA]) {
      await store.people.users.create({
        ...user,
        kind: "person",
        state: "active",
        email: null,
        displayName: null,
        createdAtMs: 0,
        createdBy: null,
        lastSeenAtMs: null,
      });
    }
    fixture.#store = store;
    fixture.#factors = fixture.over(sealer);
    return fixture;
  }

  get store(): Store {
    if (this.#store === undefined) throw new Error("not created");
    return this.#store;
  }

  get factors(): LocalFactors {
    if (this.#factors === undefined) throw new Error("not created");
    return this.#factors;
  }

  get path(): string {
    return this.#files.path;
  }

  /** The same store, opened with another key. */
  over(sealer: Sealer): LocalFactors {
    return new LocalFactors({
      factors: this.store.factors,
      signIns: this.store.signIns,
      sealer,
      audit: recordedAudit(this.recorded),
      clock: this.clock,
      log: (level, message) => this.logged.push(`${level} ${message}`),
      relyingParty: () => this.party,
    });
  }

  /** Gives a user an app; returns its secret, and the recovery codes where they were made. */
  async addApp(user = MIA): Promise<{ secret: string; codes: readonly string[] }> {
    const { secret } = await this.factors.startTotp(user);
    const added = await this.factors.confirmTotp(user, await this.codeOf(secret), BY);
    // The code that confirmed is used: the next one is another.
    await this.clock.advance(30_000);
    return { secret, codes: added.recovery_codes ?? [] };
  }

  codeOf(secret: string, laterMs = 0): Promise<string> {
    return totpCode(secret, this.clock.now() + laterMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
  }
}
