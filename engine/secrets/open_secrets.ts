import type { AuditTrail } from "../../contract/audit/entry.ts";
import type { Clock } from "../../contract/clock.ts";
import type { Sealer } from "../../contract/keys/sealer.ts";
import { LeaseBook } from "./leases/lease_book.ts";
import { openLeaseNotes } from "./leases/lease_notes.ts";
import { chainSecrets, type NamedPlace, namedPlaces, type NamedSecrets } from "./named_secrets.ts";
import { openSecretStores, type SecretStores, type StoresOptions } from "./open_stores.ts";
import type { ReferenceSources } from "./resolve.ts";
import type { SecretKeeping } from "./uses.ts";

/** Where a server or a command has its secrets from. Disposing of it revokes what was leased, and signs out. */
export interface OpenSecrets extends AsyncDisposable {
  readonly references: ReferenceSources;
  /** Where `${secret:NAME}` is looked for. */
  readonly places: readonly NamedPlace[];
  readonly transit: SecretStores["transit"];
  /** What keeps count of them from now on. What killed processes have left behind is revoked in the background. */
  keeping(options: KeepingOptions): SecretKeeping;
}

export interface KeepingOptions {
  readonly audit: AuditTrail;
  /** In the data folder, where leases are noted; nowhere by default. */
  readonly notesFolder?: string | undefined;
  readonly sealer?: Sealer | undefined;
}

/** Sensors look for files every few seconds: one line tells of all looks in so long. */
const LOOKS_MS = 3_600_000;

/** True for a text that did not come within so long, at most so often in that time for each. */
function onceIn(ms: number, clock: Pick<Clock, "now">): (key: string) => boolean {
  const untilMs = new Map<string, number>();
  return (key) => {
    const nowMs = clock.now();
    if ((untilMs.get(key) ?? 0) > nowMs) return false;
    untilMs.set(key, nowMs + ms);
    return true;
  };
}

/** `stored` has the control store's own secrets. Throws `invalid` for a wrong variable of the environment. */
export function openSecrets(options: StoresOptions & { readonly stored?: NamedSecrets }): OpenSecrets {
  const { env, stored, clock, log } = options;
  const stores = openSecretStores(options);
  const places = namedPlaces(env, stored);
  const books: LeaseBook[] = [];
  return {
    references: { env, secrets: chainSecrets(places.map(({ secrets }) => secrets)), stores: stores.stores },
    places,
    transit: stores.transit,
    keeping({ audit, notesFolder, sealer }) {
      const notes = notesFolder === undefined ? undefined : openLeaseNotes({ folder: notesFolder, sealer });
      const leases = new LeaseBook({ clock, log, notes });
      books.push(leases);
      if (stores.vault !== undefined) leases.revokeLeft(stores.vault);
      return { audit, leases, isNewLook: onceIn(LOOKS_MS, clock) };
    },
    async [Symbol.asyncDispose]() {
      for (const leases of books) await leases[Symbol.asyncDispose]();
      await stores[Symbol.asyncDispose]();
    },
  };
}
