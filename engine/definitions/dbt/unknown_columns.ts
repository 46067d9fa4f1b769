import { parse } from "yaml";
import { isRecord } from "../../../text/is_record.ts";
import type { Finding } from "./findings.ts";
import { modelText, type PlannedFile } from "./planned_file.ts";

/** A fault of the compile gate, by its place. */
export interface Place {
  readonly file: string;
  readonly line?: number | undefined;
}

const HEADER = /^\/\* @sluice\n([\s\S]*?)\*\/\n/;

/**
 * dbt lets YAML describe columns that a model does not have, and the compile gate does not: those at whose places there are
 * faults are taken out of the headers, where they say no more than a description.
 */
export function withoutUnknownColumns(
  files: readonly PlannedFile[],
  faults: readonly Place[],
): { readonly files: readonly PlannedFile[]; readonly notes: readonly Finding[] } {
  const notes: Finding[] = [];
  const changed = files.flatMap((file) => {
    const header = HEADER.exec(file.content);
    const lines = faults.flatMap(({ file: path, line }) =>
      path === file.path && line !== undefined ? [line] : []
    );
    if (header?.[1] === undefined || lines.length === 0) return [];
    const value: unknown = parse(header[1]);
    const columns = isRecord(value) ? value["columns"] : undefined;
    if (!isRecord(value) || !isRecord(columns)) return [];
    const rows = file.content.split("\n");
    const named = lines.map((line) =>
      /^ {2}(\S.*):$/.exec(rows[line - 1] ?? "")?.[1]?.replace(/^["']|["']$/g, "")
    );
    const gone = Object.keys(columns).filter((name) => {
      const about = columns[name];
      return named.includes(name) && isRecord(about) &&
        Object.keys(about).every((key) => key === "description");
    });
    if (gone.length === 0) return [];
    for (const name of gone) {
      delete columns[name];
      notes.push({
        kind: "note",
        file: file.path,
        message: `a YAML file describes the column ${name}, which the query does not have`,
      });
    }
    if (Object.keys(columns).length === 0) delete value["columns"];
    return [{ path: file.path, content: modelText(value, file.content.slice(header[0].length)) }];
  });
  return { files: changed, notes };
}
