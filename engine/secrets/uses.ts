import type { AuditEntry, AuditTrail } from "../../contract/audit/entry.ts";
import { AppError } from "../../contract/errors.ts";
import type { KeptLease, LeaseBook } from "./leases/lease_book.ts";
import { type Reference, referencesIn, referenceText, visitTexts } from "./references.ts";
import type { ReferenceSources, StoreKind } from "./resolve.ts";
import type { LeaseOffice, SecretDocument, SecretStore } from "./secret_store.ts";

/** What keeps count of secrets that are handed out. */
export interface SecretKeeping {
  readonly audit: AuditTrail;
  readonly leases: LeaseBook;
  /** Whether what only looks, again and again, is to be written down once more; always by default. */
  readonly isNewLook?: (key: string) => boolean;
}

/** Whom secrets are handed to. */
export interface SecretUser {
  /** A run, what asks a connector for a check or somebody's question, or a message of an alert. */
  readonly kind: "run" | "check" | "discovery" | "alert" | "webhook";
  readonly pipeline?: string | undefined;
  readonly run?: string | undefined;
  /** Who asked for the run, as it says. */
  readonly triggeredBy?: string | undefined;
}

/** The secrets of one process, or one message. Disposing of it ends the leases of what it was given. */
export interface SecretUse extends Disposable {
  /** As the server has them, and with credentials that are made for this use, the same for all who ask. */
  readonly sources: ReferenceSources;
  /** Writes down what is about to be handed out, each reference once for each that has it. Throws `unavailable`. */
  record(references: readonly Reference[], holder: SecretHolder): Promise<void>;
  /** How long the values of these are good for a connection that is opened then, in milliseconds; undefined: without end. */
  goodForMs(references: readonly Reference[]): number | undefined;
  /** What is known of the secrets that the definitions refer to is asked for anew by the next one: they may have changed. */
  forget(definitions: unknown): void;
}

/** What has the references. */
export interface SecretHolder {
  readonly kind: "connector" | "notifier" | "webhook";
  readonly name: string;
}

/** Without keeping (as in a test), nothing is written down, and no credentials are made. */
export function beginUse(
  sources: ReferenceSources,
  keeping: SecretKeeping | undefined,
  user: SecretUser,
): SecretUse {
  const leased = new Map<string, LeasedSecrets>();
  const stores: Partial<Record<StoreKind, SecretStore>> = { ...sources.stores };
  const vault = stores.vault;
  if (vault !== undefined && keeping !== undefined && isOffice(vault)) {
    const leasing = new LeasedSecrets(vault, keeping.leases);
    leased.set("vault", leasing);
    stores.vault = leasing;
  }
  const recorded = new Set<string>();
  return {
    sources: { ...sources, stores },
    async record(references, holder) {
      if (keeping === undefined) return;
      const entries = references.flatMap((reference) => {
        const key = JSON.stringify([referenceText(reference), holder]);
        if (recorded.has(key)) return [];
        recorded.add(key);
        const isLook = user.kind === "check" || user.kind === "discovery";
        if (isLook && keeping.isNewLook?.(`${user.kind} ${user.pipeline ?? ""} ${key}`) === false) return [];
        return [entryOf(reference, holder, user)];
      });
      await Promise.all(entries.map((entry) => keeping.audit.record(entry)));
    },
    goodForMs(references) {
      const times = references.flatMap(({ kind, name }) => leased.get(kind)?.goodForMs(name) ?? []);
      return times.length === 0 ? undefined : Math.min(...times);
    },
    forget(definitions) {
      visitTexts(definitions, (text) => {
        for (const { kind, name } of referencesIn(text)) {
          if (kind !== "env" && kind !== "secret") sources.stores?.[kind]?.forget?.(name);
        }
      });
    },
    [Symbol.dispose]() {
      for (const secrets of leased.values()) secrets[Symbol.dispose]();
    },
  };
}

function entryOf(reference: Reference, holder: SecretHolder, user: SecretUser): AuditEntry {
  const { kind, pipeline, run, triggeredBy } = user;
  return {
    action: "secret.use",
    actor: { id: null, name: "sluice", kind: "server" },
    target: { kind: "secret", name: referenceText(reference).slice(2, -1) },
    pipeline,
    details: {
      [holder.kind]: holder.name,
      for: kind,
      ...(run === undefined ? {} : { run }),
      ...(triggeredBy === undefined ? {} : { triggered_by: triggeredBy }),
    },
  };
}

const isOffice = (store: SecretStore): store is SecretStore & LeaseOffice =>
  "renew" in store && "revoke" in store;

interface Leased {
  readonly document: SecretDocument;
  readonly lease: KeptLease;
}

/** A store whose leases are one for each name, until one has too little time left for another connection. */
class LeasedSecrets implements SecretStore, Disposable {
  readonly #store: SecretStore & LeaseOffice;
  readonly #book: LeaseBook;
  /** By name. */
  readonly #held = new Map<string, Promise<Leased>>();
  /** The last one by name; and all of them. */
  readonly #known = new Map<string, KeptLease>();
  readonly #all = new Set<KeptLease>();
  #isOver = false;

  constructor(store: SecretStore & LeaseOffice, book: LeaseBook) {
    this.#store = store;
    this.#book = book;
  }

  async get(name: string, ask: Parameters<SecretStore["get"]>[1] = {}) {
    if (ask.mayLease !== true) return await this.#store.get(name, ask);
    const held = await this.#held.get(name)?.catch(() => undefined);
    if (held !== undefined && ask.isAfresh !== true && await isGood(held.lease)) return held.document;
    const document = await this.#store.get(name, { ...ask, mayLease: false });
    if (typeof document !== "object" || document.isPlaceholder !== true) return document;
    return await this.#leaseOf(name, held);
  }

  forget(name: string): void {
    this.#store.forget?.(name);
  }

  goodForMs(name: string): number | undefined {
    const known = this.#known.get(name);
    return known === undefined ? undefined : Math.max(known.leftMs() - known.leastMs, 0);
  }

  /** Of all who ask at a time, one has it made. */
  async #leaseOf(name: string, old: Leased | undefined): Promise<SecretDocument | undefined> {
    const current = this.#held.get(name);
    const isNewer = current !== undefined && await current.catch(() => undefined) !== old;
    if (current !== undefined && isNewer) return (await current).document;
    const making = this.#make(name);
    this.#held.set(name, making);
    try {
      return (await making).document;
    } catch (error) {
      if (this.#held.get(name) === making) this.#held.delete(name);
      if (error instanceof NotLeased) return error.document;
      throw error;
    }
  }

  async #make(name: string): Promise<Leased> {
    const document = await this.#store.get(name, { mayLease: true });
    if (typeof document !== "object" || document.lease === undefined) {
      throw new NotLeased(typeof document === "object" ? document : undefined);
    }
    const lease = await this.#book.keep(this.#store, document.lease);
    this.#all.add(lease);
    this.#known.set(name, lease);
    // Whoever asked is gone meanwhile: nobody else would end it.
    if (this.#isOver) {
      lease.end();
      throw new AppError("cancelled", "the run is over");
    }
    return { document, lease };
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const lease of this.#all) lease.end();
  }
}

/** What the store gave is nobody's to take back. */
class NotLeased extends Error {
  readonly document: SecretDocument | undefined;

  constructor(document: SecretDocument | undefined) {
    super("not leased");
    this.document = document;
  }
}

async function isGood(lease: KeptLease): Promise<boolean> {
  if (lease.leftMs() > lease.leastMs) return true;
  if (lease.leftMs() > 0) await lease.renew();
  return lease.leftMs() > lease.leastMs;
}
