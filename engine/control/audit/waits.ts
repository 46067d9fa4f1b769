import type { AuditAction } from "../../../contract/audit/entry.ts";

/**
 * What becomes of an action whose line cannot be written. `must`: it fails, since a change that leaves no line must not
 * be. `hold`: it goes on, and its line is held until it can be written: nobody is kept out of the server, no run is stopped
 * by a full disk, and what goes on can be stopped all the same. `later`: it has not even waited for its line, since to look at something takes no write.
 */
export type Wait = "must" | "hold" | "later";

/** All others must. */
const WAITS: Readonly<Partial<Record<AuditAction, Wait>>> = {
  "sign_in": "hold",
  "sign_in.failed": "hold",
  "sign_out": "hold",
  "token.refused": "later",
  "access.refused": "later",
  "project.apply": "hold",
  "run.end": "hold",
  "run.cancel": "hold",
  "backfill.cancel": "hold",
  "connector.test": "hold",
  "connector.discover": "later",
  "data.view": "later",
  "secret.use": "hold",
  "server.start": "hold",
  "server.stop": "hold",
  "server.drain": "hold",
  "server.undrain": "hold",
  "backup.write": "hold",
  "backup.restore": "hold",
  "audit.view": "later",
  "audit.export": "later",
  "audit.drop": "later",
};

export const waitOf = (action: AuditAction): Wait => WAITS[action] ?? "must";
