import type { Clock } from "../../../contract/clock.ts";
import { toAppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import type { LeaseOffice, SecretLease } from "../secret_store.ts";
import type { LeaseNotes } from "./lease_notes.ts";

/** A lease that somebody uses. It is renewed until `end`, and revoked then. */
export interface KeptLease {
  /** How long it is good yet, in milliseconds; 0 or less where it has ended. */
  leftMs(): number;
  /** The least that a connection which is opened now wants to have left, in milliseconds. */
  readonly leastMs: number;
  /** Renews it now; where that does not help, it ends as it would. Never throws. */
  renew(): Promise<void>;
  /** Revokes it, in the background. */
  end(): void;
}

export interface LeaseBookOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Where leases are noted; nowhere, where there is no data folder yet. */
  readonly notes?: LeaseNotes | undefined;
}

/** Behind this part of its time a lease is renewed. */
const RENEW_AT = 0.6;
const MOST_LEAST_MS = 60_000;
/** What is under way at the end gets so long to be revoked; the next start does the rest. */
const SETTLE_MS = 10_000;

interface Lease extends SecretLease {
  readonly office: LeaseOffice;
  readonly note: string | undefined;
  readonly over: AbortController;
  endsMs: number;
}

/** All leases of this process: renewed while they are used, revoked when they are not, noted in between. */
export class LeaseBook implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #notes: LeaseNotes | undefined;
  readonly #open = new Set<Lease>();
  readonly #ending = new Set<Promise<void>>();

  constructor({ clock, log, notes }: LeaseBookOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#notes = notes;
  }

  /** Notes the lease, which may be used when this returns. Throws where it cannot be noted: it is revoked then. */
  async keep(office: LeaseOffice, lease: SecretLease): Promise<KeptLease> {
    const endsMs = this.#clock.now() + lease.ttlMs;
    let note: string | undefined;
    try {
      note = await this.#notes?.write({ id: lease.id, place: office.place, endsMs });
    } catch (error) {
      await office.revoke(lease.id).catch(() => {});
      throw error;
    }
    const kept: Lease = { ...lease, office, note, endsMs, over: new AbortController() };
    this.#open.add(kept);
    void this.#keepRenewed(kept);
    return {
      leastMs: Math.min(lease.ttlMs / 4, MOST_LEAST_MS),
      leftMs: () => Math.min(kept.endsMs, kept.endsAnyway?.() ?? Infinity) - this.#clock.now(),
      renew: () => this.#renew(kept).then(() => {}, () => {}),
      end: () => this.#end(kept),
    };
  }

  /** Revokes in the background what processes that are no more have left. */
  revokeLeft(office: LeaseOffice): void {
    this.#inBackground(this.#revokeLeft(office));
  }

  async #revokeLeft(office: LeaseOffice): Promise<void> {
    for (const note of await this.#notes?.left() ?? []) {
      if (note.endsMs <= this.#clock.now()) {
        await note.remove();
        continue;
      }
      // Of another Vault than the one that is asked now: it ends by its own time.
      if (note.place !== office.place) continue;
      this.#settle(async () => {
        await office.revoke(note.id);
        await note.remove();
        this.#log("info", "a lease that was left behind is revoked", { lease: shownId(note.id) });
      }, note.id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const lease of this.#open) this.#end(lease);
    const waiting = new AbortController();
    const settled = (async () => {
      // What is left behind adds to them while it is found.
      while (this.#ending.size > 0) await Promise.all(this.#ending);
    })();
    await Promise.race([settled, this.#clock.sleep(SETTLE_MS, waiting.signal)]);
    waiting.abort();
    await this.#notes?.[Symbol.asyncDispose]();
  }

  async #keepRenewed(lease: Lease): Promise<void> {
    const { signal } = lease.over;
    while (lease.isRenewable && !signal.aborted) {
      const leftMs = lease.endsMs - this.#clock.now();
      if (leftMs <= 0) return;
      await this.#clock.sleep(leftMs * RENEW_AT, signal);
      if (signal.aborted) return;
      try {
        // One whose end has come gets no more time: whoever connects next gets another one.
        if (!await this.#renew(lease)) return;
      } catch (error) {
        const { code, message } = toAppError(error);
        if (code === "not_found") {
          lease.endsMs = this.#clock.now();
          return;
        }
        this.#log("warn", "a lease could not be renewed", { lease: shownId(lease.id), error: message });
        await this.#clock.sleep(Math.min(lease.ttlMs / 10, 10_000), signal);
      }
    }
  }

  /** Whether it got more time. */
  async #renew(lease: Lease): Promise<boolean> {
    if (!lease.isRenewable || lease.over.signal.aborted) return false;
    const before = lease.endsMs;
    const askedMs = this.#clock.now();
    const { ttlMs } = await lease.office.renew(lease.id);
    lease.endsMs = askedMs + ttlMs;
    return lease.endsMs > before + 1_000;
  }

  #end(lease: Lease): void {
    if (!this.#open.delete(lease)) return;
    lease.over.abort();
    this.#settle(async () => {
      await lease.office.revoke(lease.id);
      if (lease.note !== undefined) await this.#notes?.remove(lease.note);
    }, lease.id);
  }

  #settle(work: () => Promise<void>, id: string): void {
    this.#inBackground(
      work().catch((error) => {
        const { message } = toAppError(error);
        this.#log("warn", "a lease could not be revoked", { lease: shownId(id), error: message });
      }),
    );
  }

  /** What the end waits for; it never throws. */
  #inBackground(work: Promise<void>): void {
    const ending = work.catch(() => {});
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
  }
}

/** What made it, without its own name. */
const shownId = (id: string): string => id.slice(0, id.lastIndexOf("/") + 1);
