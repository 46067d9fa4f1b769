import { hostname } from "node:os";
import type { AuditLine } from "../../../../contract/audit/line.ts";

/** Facility 13, "log audit"; severity 4 for what was refused or failed, 6 for all else (RFC 5424, section 6.2.1). */
const FACILITY = 13;
/** The number that IANA keeps for examples: Sluice has none of its own. */
const ENTERPRISE = 32473;

/** The line as a message of RFC 5424: its keys as structured data, and all of it as JSON. */
export function syslogLine(line: AuditLine): string {
  const { seq, at, action, actor, target, pipeline, outcome, hash } = line;
  const severity = outcome === "done" ? 6 : 4;
  const fields = {
    seq: String(seq),
    actor: actor.name,
    kind: actor.kind,
    address: actor.address,
    target: target && `${target.kind}:${target.name}`,
    pipeline,
    outcome,
    hash,
  };
  const data = Object.entries(fields).flatMap(([name, value]) =>
    value === null ? [] : [`${name}="${value.replaceAll(/["\\\]]/g, String.raw`\$&`)}"`]
  );
  const head = `<${FACILITY * 8 + severity}>1 ${at} ${printable(hostname(), 255)} sluice ${Deno.pid}`;
  const structured = `[audit@${ENTERPRISE} ${data.join(" ")}]`;
  // The mark says that what follows is UTF-8 (section 6.4).
  return `${head} ${printable(action, 32)} ${structured} \ufeff${JSON.stringify(line)}`;
}

/** Visible ASCII alone, and not too long. */
function printable(text: string, most: number): string {
  return text.replaceAll(/[^\x21-\x7e]/g, "_").slice(0, most) || "-";
}
