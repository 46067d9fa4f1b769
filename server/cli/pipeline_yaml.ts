import type { SourceStream } from "../../contract/discovery.ts";
import { streamNameOf } from "../../contract/pipeline/wildcard.ts";
import { formatBytes, formatPlural } from "../../text/format.ts";

/** Columns that are likely to grow when a row changes. */
const CURSOR_NAME =
  /^(?:updated|modified|changed|last_?(?:updated|modified|changed))(?:_?(?:at|on|date|time))?$/i;

/** A pipeline that reads the streams of a connector, with keys where the source knows them; valid as it is. */
export function pipelineYaml(connector: string, streams: readonly SourceStream[]): string {
  const names: string[] = [];
  const lines = [`# The streams of ${JSON.stringify(connector)}, as they were found.`];
  if (streams.length === 0) return [...lines, "extract: {}"].join("\n");
  lines.push("extract:");
  for (const stream of streams) {
    const name = nameOf(stream, names);
    if (name === undefined) {
      lines.push(`  # ${JSON.stringify(stream.name)}: its name makes no stream's name`);
      continue;
    }
    names.push(name);
    lines.push(`  ${name}:${factsOf(stream)}`, `    connector: ${connector}`);
    for (const [key, value] of Object.entries(stream.address)) {
      lines.push(`    ${key}: ${JSON.stringify(value)}`);
    }
    const cursor = stream.columns.find((column) => CURSOR_NAME.test(column.name));
    const hasKey = stream.primary_key.length > 0;
    if (cursor !== undefined && hasKey) {
      lines.push("    mode: incremental", `    update_key: ${JSON.stringify(cursor.name)}`);
    }
    if (hasKey) lines.push(`    primary_key: ${JSON.stringify(stream.primary_key)}`);
  }
  return lines.join("\n");
}

function nameOf({ name, kind }: SourceStream, taken: readonly string[]): string | undefined {
  if (kind !== "file") return streamNameOf(name, taken);
  const parts = name.split("/").map((part) => part.replace(/\..*$/, "")).filter((part) => /\w/.test(part));
  const last = parts.at(-1) ?? "files";
  return streamNameOf(last, taken) ?? streamNameOf(parts.join("_"), taken);
}

function factsOf({ rows, size_bytes: size }: SourceStream): string {
  const facts = [
    rows === null ? "" : `about ${formatPlural(rows, "row")}`,
    size === null ? "" : formatBytes(size),
  ].filter((fact) => fact !== "");
  return facts.length === 0 ? "" : ` # ${facts.join(", ")}`;
}
