import type { AuditEntry, AuditTrail } from "../../../contract/audit/entry.ts";

/** What an entry says when what it tells of is over. */
export type AuditResult = Partial<Pick<AuditEntry, "target" | "pipeline" | "change" | "details">>;

/** The audit log of this process. Disposing of it writes what waits. */
export interface AuditLog extends AuditTrail, AsyncDisposable {
  /**
   * Writes down what is about to be done, does it, and writes the line: a process that is killed meanwhile leaves a line
   * that says so. Throws what `act` throws, or `unavailable`, before anything is done, where the store cannot be
   * written and the action must not be without a line. `told` adds to the line what is known when it is done.
   */
  around<T>(
    entry: AuditEntry,
    act: () => Promise<T>,
    told?: (result: T) => AuditResult | Promise<AuditResult>,
  ): Promise<T>;
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
