import type { AuditEntry, AuditTrail } from "../../../contract/audit/entry.ts";

/** The audit log of this process. Disposing of it writes what waits. */
export interface AuditLog extends AuditTrail, AsyncDisposable {
  /** Each origin leaves one line, however often it is told of; returns when all are on the disk. */
  recordOnce(
    entries: readonly { readonly origin: string; readonly atMs: number; readonly entry: AuditEntry }[],
  ): Promise<
    void
  >;
  /** Writes lines for what other processes have begun and not ended since before then. */
  settle(beforeMs: number): Promise<void>;
  /** Returns when all that was recorded so far is on the disk, or held because the disk takes nothing. */
  flush(): Promise<void>;
  /** Called after lines were written. */
  onWritten(listener: () => void): Disposable;
}
