import { formatPlural } from "../../../../text/format.ts";
import type { Answer, KnownColumn } from "../context/rendering.ts";
import type { Finding } from "../findings.ts";
import { planImport, type PlannedImport } from "../plan_import.ts";
import type { PlannedFile } from "../planned_file.ts";
import type { DbtProject } from "../project/read_project.ts";
import type { ImportRequest } from "../start_plan.ts";
import { createMends } from "./mends.ts";

/** What the compile gate says of the files of a plan. */
export interface Gate {
  readonly faults: readonly Finding[];
  /** Of the models that could be bound, by their names. */
  readonly columns: ReadonlyMap<string, readonly KnownColumn[]>;
}

export interface Rounds {
  readonly project: DbtProject;
  readonly request: ImportRequest;
  /** Makes these the files of the new project, in the place of those of the round before, and checks them. */
  check(files: readonly PlannedFile[]): Promise<Gate>;
  /**
   * What a query of the pipeline's tables gives, where they are all made of seeds; undefined where nobody can say. The files are those of
   * the last check.
   */
  ask(pipeline: string, sql: string): Promise<Answer | undefined>;
  /** Told to people meanwhile. */
  note(message: string): void;
}

export interface SettledImport {
  readonly planned: PlannedImport;
  /** What the gate has found, with what was done because of it. */
  readonly faults: readonly Finding[];
}

/** Each round comes further by the columns of the tables that the last one could write, or by what it switched off. */
const MAX_ROUNDS = 24;

/** Each builds what it reads. */
const MAX_QUERIES = 40;

/**
 * Plans, and plans again with what the gate finds: columns that templates ask for first; then models that do not work are
 * switched off, with what reads them, so that the project runs without them.
 */
export async function planInRounds({ project, request, check, ask, note }: Rounds): Promise<SettledImport> {
  const answers = new Map<string, Answer>();
  const unanswered = new Set<string>();
  const found = new Map<string, readonly KnownColumn[]>();
  const faulty = new Map<string, string>();
  const told = new Map<string, Finding>();
  const mends = createMends();
  for (let round = 1;; round++) {
    const planned = planImport(project, { ...request, found, faulty, answers });
    const files = mends.apply(planned.files);
    const { faults, columns } = await check(files);
    const settled = () => ({
      planned: { ...planned, files },
      faults: [...atTheirLines([...told.values()], files), ...mends.findings, ...faults],
    });
    if (round === MAX_ROUNDS) return settled();
    const more = [...columns].filter(([name]) => planned.wanted.has(name) && !found.has(name));
    for (const [name, of] of more) found.set(name, of);
    if (more.length > 0) {
      note(`Plans again: the check has found the columns of ${tables(more.length)} that templates ask for`);
      continue;
    }
    const open = [...planned.asked].filter(([key]) => !unanswered.has(key)).slice(
      0,
      MAX_QUERIES - answers.size,
    );
    for (const [key, sql] of open) {
      const answer = await ask(planned.pipeline, sql);
      if (answer === undefined) unanswered.add(key);
      else answers.set(key, answer);
    }
    if (open.some(([key]) => answers.has(key))) {
      note(`Plans again with the rows of ${formatPlural(answers.size, "query")}`);
      continue;
    }
    const before = faulty.size + mends.findings.length;
    const byPath = new Map(files.map((file) => [file.path, file]));
    for (const fault of faults.filter(({ kind }) => kind === "hand")) {
      const file = byPath.get(fault.file);
      const table = planned.tables.get(fault.file);
      if (file === undefined || table === undefined || mends.take(file, fault)) continue;
      faulty.set(table, faulty.get(table) ?? `${fault.message}`);
      told.set(JSON.stringify(fault), { ...fault, ...belowHeader(fault, file) });
    }
    if (faulty.size + mends.findings.length === before) return settled();
    note(`Plans again without ${tables(faulty.size)} that ${faulty.size === 1 ? "does" : "do"} not work yet`);
  }
}

const tables = (count: number) => formatPlural(count, "table");

/** A fault's line without those of the header, which grows where a model is switched off. */
function belowHeader({ line }: Finding, file: PlannedFile): { line?: number } {
  return line === undefined ? {} : { line: line - headerLines(file) };
}

function atTheirLines(findings: readonly Finding[], files: readonly PlannedFile[]): Finding[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return findings.map((finding) => {
    const file = byPath.get(finding.file);
    if (finding.line === undefined || file === undefined) return finding;
    return { ...finding, line: Math.max(1, finding.line + headerLines(file)) };
  });
}

const headerLines = ({ content }: PlannedFile): number =>
  (/^\/\* @sluice\n[\s\S]*?\*\/\n/.exec(content)?.[0] ?? "").split("\n").length - 1;
