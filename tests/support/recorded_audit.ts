import type { AuditEntry, AuditTrail } from "../../contract/audit/entry.ts";

/** An audit log that keeps its entries in a list, when what they tell of is done. */
export function recordedAudit(entries: AuditEntry[] = []): AuditTrail {
  return {
    record(entry) {
      entries.push(entry);
      return Promise.resolve();
    },
    async around(entry, act, told) {
      const result = await act();
      const more = await told?.(result);
      const details = { ...entry.details, ...more?.details };
      entries.push({ ...entry, ...more, ...(Object.keys(details).length === 0 ? {} : { details }) });
      return result;
    },
  };
}
