import type { AuditEntry } from "../../contract/audit/entry.ts";
import type { AuditLog } from "../../engine/control/audit/port.ts";

/** An audit log that keeps its entries in a list. */
export function recordedAudit(entries: AuditEntry[] = []): Pick<AuditLog, "record" | "around"> {
  return {
    record(entry) {
      entries.push(entry);
      return Promise.resolve();
    },
    async around(entry, act, told) {
      const result = await act();
      entries.push({ ...entry, ...await told?.(result) });
      return result;
    },
  };
}
