import type { RevisionFile } from "../../../contract/revision.ts";
import { nameKey } from "../../../contract/sql.ts";
import { MACROS_FOLDER } from "../../../sql/language/files/kinds.ts";
import {
  type Macro,
  type MacroStatement,
  parseMacros,
  twinFaults,
} from "../../../sql/language/macros/parse_macros.ts";
import { keptStatements, macrosCalledIn } from "../../../sql/language/macros/used_macros.ts";
import { placeAt } from "../../../sql/language/position.ts";
import type { Fault } from "../../../text/fault.ts";
import type { ProjectFiles } from "../read_files.ts";
import { loadSeeds, type SeedFiles, seedsNamedIn } from "./seed_files.ts";
import { walkFolder } from "./walk.ts";

/** SQL and seeds of the project that any pipeline may use: what it uses is part of its revision. */
export interface SharedSql {
  readonly macroFiles: readonly MacroFile[];
  readonly seeds: readonly SeedFiles[];
  readonly faults: readonly Fault[];
}

interface MacroFile {
  readonly file: RevisionFile;
  readonly statements: readonly MacroStatement[];
}

export const NO_SHARED_SQL: SharedSql = { macroFiles: [], seeds: [], faults: [] };

/** Reads macros/ and seeds/. Never throws for what a user wrote. */
export async function loadSharedSql(project: ProjectFiles): Promise<SharedSql> {
  const macros = await loadMacros(project);
  const { seeds, faults } = await loadSeeds(project);
  return { ...macros, seeds, faults: [...macros.faults, ...faults] };
}

async function loadMacros(project: ProjectFiles): Promise<Pick<SharedSql, "macroFiles" | "faults">> {
  const macroFiles: MacroFile[] = [];
  const faults: Fault[] = [];
  for (const entry of await walkFolder(project, MACROS_FOLDER)) {
    if ("fault" in entry) {
      faults.push(entry.fault);
      continue;
    }
    const { path, name } = entry;
    if (!name.endsWith(".sql")) {
      const message = whyNotRead(name);
      if (message !== undefined) faults.push(warning(path, message));
      continue;
    }
    const read = await project.read(path);
    if (read === undefined) continue;
    if ("fault" in read) {
      faults.push(read.fault);
      continue;
    }
    const file = { path, content: read.text };
    const parsed = parseMacros(file);
    macroFiles.push({ file, statements: parsed.statements });
    faults.push(...parsed.faults);
  }
  const shared = { macroFiles, faults };
  return { macroFiles, faults: [...faults, ...twinFaults(macrosOf(shared))] };
}

/**
 * The files that the texts use, each with what is used of it; `tables` are names that the pipeline has for models of its
 * own.
 */
export function usedSharedSql(
  shared: SharedSql,
  texts: readonly string[],
  tables: readonly string[],
): RevisionFile[] {
  const used = new Set(macrosCalledIn(texts, macrosOf(shared)));
  const own = new Set(tables.map(nameKey));
  const bodies = [...used].map(({ text, start, end }) => text.slice(start, end));
  const seeds = seedsNamedIn([...texts, ...bodies], shared.seeds).filter(({ name }) =>
    !own.has(nameKey(name))
  );
  return [
    ...macroFilesOf(shared, used),
    ...seeds.flatMap(({ file, header }) => header === undefined ? [file] : [header, file]),
  ];
}

function macroFilesOf(shared: SharedSql, used: ReadonlySet<Macro>): RevisionFile[] {
  return shared.macroFiles.filter(({ statements }) => statements.some(({ macro }) => used.has(macro)))
    .map(({ file, statements }) => keptStatements(file, statements, used));
}

/** What no pipeline uses, each with its place: it may be a slip, or left behind. */
export function unusedSharedSql(shared: SharedSql, texts: readonly string[]): Fault[] {
  const used = new Set(macrosCalledIn(texts, macrosOf(shared)));
  const seeds = new Set(seedsNamedIn(texts, shared.seeds));
  return [
    ...macrosOf(shared).filter((macro) => !used.has(macro)).map((macro): Fault => ({
      ...placeAt(macro.text, macro.position, macro.path),
      message: `no pipeline of the project calls the macro ${macro.name}`,
      severity: "warning",
    })),
    ...shared.seeds.filter((seed) => !seeds.has(seed)).map(({ name, file }) =>
      warning(file.path, `no pipeline of the project names the seed ${name}`)
    ),
  ];
}

const macrosOf = ({ macroFiles }: Pick<SharedSql, "macroFiles">): Macro[] =>
  macroFiles.flatMap(({ statements }) => statements.map(({ macro }) => macro));

/** Undefined for a note. */
function whyNotRead(name: string): string | undefined {
  return /\.(?:sql|ddl|jinja2?|j2)(?:\..*)?$/i.test(name)
    ? "is not read: macros are CREATE MACRO statements in files that end in .sql, in small letters"
    : undefined;
}

function warning(file: string, message: string): Fault {
  return { file, line: 1, column: 1, message, severity: "warning" };
}
