import type { AuditLine } from "../../../../contract/audit/line.ts";

/** Where lines of the audit log go, as they are written. */
export interface AuditSink extends AsyncDisposable {
  /** Under it the store keeps how far it is. */
  readonly name: string;
  /** Returns when the lines have arrived as far as can be known. Throws where not: they are sent again. */
  send(lines: readonly AuditLine[], signal: AbortSignal): Promise<void>;
}
