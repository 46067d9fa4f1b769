import { nameFault } from "../../../contract/names.ts";
import type { RevisionFile } from "../../../contract/revision.ts";
import { nameKey } from "../../../contract/sql.ts";
import { kindOf, modelName, SEEDS_FOLDER } from "../../../sql/language/files/kinds.ts";
import type { Fault } from "../../../text/fault.ts";
import type { ProjectFiles } from "../read_files.ts";
import { walkFolder } from "./walk.ts";

/** A seed of the project: a CSV, and the YAML beside it. */
export interface SeedFiles {
  readonly name: string;
  readonly file: RevisionFile;
  readonly header?: RevisionFile;
}

/** Reads seeds/ and the folders in it. Never throws for what a user wrote. */
export async function loadSeeds(
  project: ProjectFiles,
): Promise<{ readonly seeds: readonly SeedFiles[]; readonly faults: readonly Fault[] }> {
  const faults: Fault[] = [];
  const fail = (file: string, message: string, severity: Fault["severity"] = "error") =>
    void faults.push({ file, line: 1, column: 1, message, severity });
  const texts = new Map<string, string>();
  for (const entry of await walkFolder(project, SEEDS_FOLDER)) {
    if ("fault" in entry) {
      faults.push(entry.fault);
      continue;
    }
    const { path, name } = entry;
    if (kindOf(path) === undefined) {
      const message = whyNotRead(name);
      if (message !== undefined) fail(path, message, "warning");
      continue;
    }
    const read = await project.read(path);
    if (read === undefined) continue;
    if ("fault" in read) faults.push(hinted(read.fault));
    else texts.set(path, read.text);
  }
  const seeds: SeedFiles[] = [];
  for (const [path, content] of texts) {
    if (kindOf(path) !== "seed") continue;
    const name = modelName(path);
    const wrong = nameFault("model", name);
    if (wrong !== undefined) {
      fail(path, `the file's name is the table's name: ${wrong}`);
      continue;
    }
    const twin = seeds.find((other) => nameKey(other.name) === nameKey(name));
    if (twin !== undefined) {
      fail(path, `${twin.file.path} makes the table "${twin.name}" already: rename one`);
    }
    const base = path.replace(/\.csv$/, "");
    const header = [`${base}.yaml`, `${base}.yml`].find((candidate) => texts.has(candidate));
    const text = header === undefined ? undefined : texts.get(header);
    seeds.push({
      name,
      file: { path, content },
      ...(header === undefined || text === undefined ? {} : { header: { path: header, content: text } }),
    });
  }
  const described = new Set(seeds.map(({ header }) => header?.path));
  for (const path of texts.keys()) {
    if (kindOf(path) !== "seed header" || described.has(path)) continue;
    fail(
      path,
      `is not read: it describes a seed, and there is no ${modelName(path)}.csv beside it`,
      "warning",
    );
  }
  return { seeds, faults };
}

/** The seeds whose names stand in the texts: more than are read, and nothing less. */
export function seedsNamedIn(texts: readonly string[], seeds: readonly SeedFiles[]): SeedFiles[] {
  if (seeds.length === 0) return [];
  const words = new Set<string>();
  for (const text of texts) {
    for (const [word] of text.matchAll(/[A-Za-z_][A-Za-z0-9_]*/g)) words.add(nameKey(word));
  }
  return seeds.filter(({ name }) => words.has(nameKey(name)));
}

/** Undefined for a note. */
function whyNotRead(name: string): string | undefined {
  if (/\.csv$/i.test(name)) return "is not read: a seed's file ends in .csv, in small letters";
  return /\.(?:tsv|csv\..*|xlsx?|parquet|jsonl?|ndjson)$/i.test(name)
    ? "is not read: a seed is a CSV; other files come in by a stream, as extract: with path:"
    : undefined;
}

/** Of a file that is too large. */
function hinted(fault: Fault): Fault {
  return fault.message.includes("the limit is") && fault.file.endsWith(".csv")
    ? {
      ...fault,
      message: `${fault.message} for a seed; larger files come in by a stream, as extract: with path:`,
    }
    : fault;
}
