import { type AuditLine, hashOf } from "../../../contract/audit/line.ts";
import type { AuditStore } from "../../store/audit/port.ts";
import type { AuditVerification } from "../../../contract/audit/verification.ts";

const PAGE = 1_000;

type Fault = NonNullable<AuditVerification["fault"]>;

/**
 * Walks the whole log. `expected` is the hash of a line that somebody has kept elsewhere: the log must still have it. A
 * log whose end was cut off goes on from what is left, and only such a hash shows it.
 */
export async function verifyChain(
  store: Pick<AuditStore, "read" | "anchor" | "tip" | "furthestReader">,
  expected: string | undefined,
  signal?: AbortSignal,
): Promise<AuditVerification> {
  const anchor = await store.anchor();
  let { seq, hash } = anchor;
  let lines = 0;
  let first: AuditLine | undefined;
  let pruned: AuditLine | undefined;
  let isFound = expected === undefined || (anchor.seq > 0 && expected === anchor.hash);
  const result = (fault: Fault | null): AuditVerification => ({
    ok: fault === null,
    lines,
    first_seq: first?.seq ?? null,
    first_at: first?.at ?? null,
    last_seq: seq,
    last_hash: hash,
    fault,
  });
  for (;;) {
    signal?.throwIfAborted();
    const page = await store.read(seq, PAGE);
    for (const line of page) {
      const message = faultOf(line, { seq, hash });
      if (message !== undefined) return result({ seq: Math.min(line.seq, seq + 1), message });
      first ??= line;
      if (line.action === "audit.prune") pruned = line;
      if (line.hash === expected) isFound = true;
      ({ seq, hash } = line);
      lines += 1;
    }
    if (page.length < PAGE) break;
  }
  if (anchor.seq > 0 && !isToldOf(anchor, pruned)) {
    const message =
      `The lines up to ${anchor.seq} were removed, and no line says that they were too old to keep`;
    return result({ seq: anchor.seq, message });
  }
  const read = await store.furthestReader();
  if (read > seq) {
    return result({
      seq: seq + 1,
      message: `The end was cut off: line ${read} was there, and sent elsewhere`,
    });
  }
  if (!isFound) {
    const message =
      "No line has the hash that is expected: the end was cut off or the log was written anew, " +
      "or that line was so old that it was removed";
    return result({ seq: seq + 1, message });
  }
  return result(null);
}

function faultOf(
  line: AuditLine,
  before: { readonly seq: number; readonly hash: string },
): string | undefined {
  if (line.seq !== before.seq + 1) {
    const missing = line.seq - before.seq - 1;
    return missing === 1
      ? `Line ${before.seq + 1} is missing`
      : `Lines ${before.seq + 1} to ${line.seq - 1} are missing`;
  }
  if (hashOf(line) !== line.hash) return `Line ${line.seq} was changed: it does not have its hash`;
  if (line.previous === before.hash) return undefined;
  return `Line ${line.seq} does not go on from the one before it: one of them was changed or is another one`;
}

/** Whether the newest line about retention tells of this anchor. */
function isToldOf(
  { seq, hash }: { readonly seq: number; readonly hash: string },
  line: AuditLine | undefined,
): boolean {
  return line?.details?.["up_to"] === seq && line.details["hash"] === hash;
}
