import type { AuditLine } from "../../../contract/audit/line.ts";

export const EXPORT_FORMATS = ["ndjson", "csv"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

const PAGE = 500;

/** Lines up to and with `lastSeq`, read as they are taken. */
export function exportLines(
  read: (afterSeq: number, limit: number) => Promise<readonly AuditLine[]>,
  lastSeq: number,
  format: ExportFormat,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const textOf = format === "csv" ? csvRow : (line: AuditLine) => `${JSON.stringify(line)}\n`;
  let seq = 0;
  let head = format === "csv" ? csvHead() : "";
  return new ReadableStream({
    async pull(controller) {
      const page = await read(seq, PAGE);
      const lines = page.filter((line) => line.seq <= lastSeq);
      const text = head + lines.map(textOf).join("");
      head = "";
      if (text !== "") controller.enqueue(encoder.encode(text));
      const last = lines.at(-1);
      if (last === undefined || lines.length < PAGE) return controller.close();
      seq = last.seq;
    },
  });
}

const COLUMNS: readonly (readonly [name: string, value: (line: AuditLine) => string | number | null])[] = [
  ["seq", ({ seq }) => seq],
  ["at", ({ at }) => at],
  ["action", ({ action }) => action],
  ["outcome", ({ outcome }) => outcome],
  ["actor", ({ actor }) => actor.name],
  ["actor_kind", ({ actor }) => actor.kind],
  ["actor_id", ({ actor }) => actor.id],
  ["address", ({ actor }) => actor.address],
  ["token_id", ({ actor }) => actor.token_id],
  ["session_id", ({ actor }) => actor.session_id],
  ["target_kind", ({ target }) => target?.kind ?? null],
  ["target", ({ target }) => target?.name ?? null],
  ["pipeline", ({ pipeline }) => pipeline],
  ["change", ({ change }) => change && JSON.stringify(change)],
  ["details", ({ details }) => details && JSON.stringify(details)],
  ["previous", ({ previous }) => previous],
  ["hash", ({ hash }) => hash],
];

const csvHead = () => `${COLUMNS.map(([name]) => name).join(",")}\r\n`;
const csvRow = (line: AuditLine) => `${COLUMNS.map(([, value]) => csvCell(value(line))).join(",")}\r\n`;

/** RFC 4180. What a spreadsheet would take for a formula begins with an apostrophe: names come from anybody. */
function csvCell(value: string | number | null): string {
  if (value === null) return "";
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
