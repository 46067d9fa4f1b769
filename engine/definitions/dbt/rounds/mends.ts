import { parse } from "yaml";
import { isRecord } from "../../../../text/is_record.ts";
import { parseYamlDocument } from "../../../../text/yaml_document.ts";
import type { Finding } from "../findings.ts";
import { modelText, type PlannedFile, yamlText } from "../planned_file.ts";
import { listOf } from "../project/settings.ts";

/**
 * What is taken out of headers because of the compile gate: dbt lets YAML describe columns that a model does not have, and
 * finds that a test does not work when it runs it. The models themselves are built in both cases.
 */
export interface Mends {
  /** Takes out what is at the place of a fault of an earlier plan's file. False where nothing there can go. */
  take(file: PlannedFile, fault: Finding): boolean;
  /** Files of a plan without what was taken out. */
  apply(files: readonly PlannedFile[]): readonly PlannedFile[];
  readonly findings: readonly Finding[];
}

interface Taken {
  readonly columns: Set<string>;
  /** Checks as JSON. */
  readonly checks: Set<string>;
}

export function createMends(): Mends {
  const taken = new Map<string, Taken>();
  const findings: Finding[] = [];
  return {
    findings,
    take(file, { line, message }) {
      const part = line === undefined ? undefined : partAt(file, line);
      if (part === undefined) return false;
      const of = taken.get(file.path) ?? { columns: new Set(), checks: new Set() };
      taken.set(file.path, of);
      if (part.kind === "check") {
        of.checks.add(part.check);
        findings.push({
          kind: "hand",
          file: file.path,
          message: `the check ${part.check} is left out: ${message}`,
        });
        return true;
      }
      of.columns.add(part.column);
      const said = `a YAML file describes the column ${part.column}, which the query does not have`;
      findings.push(
        part.isDescribedOnly
          ? { kind: "note", file: file.path, message: said }
          : { kind: "hand", file: file.path, message: `${said}: what it says of it is left out` },
      );
      return true;
    },
    apply: (files) =>
      files.map((file) => {
        const of = taken.get(file.path);
        return of === undefined ? file : withoutParts(file, of);
      }),
  };
}

const HEADER = /^\/\* @sluice\n([\s\S]*?)\*\/\n/;

/** The YAML that says something of a table, and what stands before and after it. */
function yamlOf(
  { path, content }: PlannedFile,
): { yaml: string; linesBefore: number; sql: string } | undefined {
  if (/^seeds\/[^/]+\.yaml$/.test(path)) return { yaml: content, linesBefore: 0, sql: "" };
  const header = HEADER.exec(content);
  if (header?.[1] === undefined) return undefined;
  return { yaml: header[1], linesBefore: 1, sql: content.slice(header[0].length) };
}

type Part =
  | { readonly kind: "check"; readonly check: string }
  | { readonly kind: "column"; readonly column: string; readonly isDescribedOnly: boolean };

/** The innermost check or column of the YAML at a line of the file, from 1. */
function partAt(file: PlannedFile, line: number): Part | undefined {
  const of = yamlOf(file);
  if (of === undefined || line - of.linesBefore > of.yaml.split("\n").length - 1) return undefined;
  const document = parseYamlDocument(of.yaml, file.path);
  if (!isRecord(document.value)) return undefined;
  const columns = isRecord(document.value["columns"]) ? document.value["columns"] : {};
  // Types of a seed, and of a contract, are no descriptions.
  const hasTypes = of.sql === "" || document.value["contract"] === true;
  const checksAt = (checks: unknown, path: readonly string[]) =>
    listOf(checks).map((check, at) => ({
      path: [...path, "checks", at],
      part: { kind: "check", check: JSON.stringify(check) } as const,
    }));
  const parts = [
    ...Object.entries(columns).flatMap(([column, about]) => [
      ...(hasTypes ? [] : [{ path: ["columns", column], part: columnPart(column, about) }]),
      ...(isRecord(about) ? checksAt(about["checks"], ["columns", column]) : []),
    ]),
    ...checksAt(document.value["checks"], []),
  ];
  const wanted = line - of.linesBefore;
  const before = parts.map(({ path, part }) => ({ part, line: document.place(path).line ?? 0 }))
    .filter((one) => one.line <= wanted);
  return before.toSorted((a, b) => a.line - b.line).at(-1)?.part;
}

const columnPart = (column: string, about: unknown): Part => ({
  kind: "column",
  column,
  isDescribedOnly: isRecord(about) && Object.keys(about).every((key) => key === "description"),
});

function withoutParts(file: PlannedFile, taken: Taken): PlannedFile {
  const of = yamlOf(file);
  const value: unknown = of === undefined ? undefined : parse(of.yaml);
  if (of === undefined || !isRecord(value)) return file;
  const columns = isRecord(value["columns"]) ? value["columns"] : {};
  const kept = Object.fromEntries(
    Object.entries(columns).filter(([name]) => !taken.columns.has(name)).map((
      [name, about],
    ) => [name, withoutChecks(about, taken)]),
  );
  const header = withoutChecks({ ...value, columns: kept }, taken);
  if (Object.keys(kept).length === 0) delete header["columns"];
  return {
    path: file.path,
    content: file.path.endsWith(".yaml") ? yamlText(header) : modelText(header, of.sql),
  };
}

function withoutChecks(about: unknown, { checks }: Taken): Record<string, unknown> {
  const { checks: all, ...others } = isRecord(about) ? about : {};
  const kept = listOf(all).filter((check) => !checks.has(JSON.stringify(check)));
  return kept.length === 0 ? others : { ...others, checks: kept };
}
