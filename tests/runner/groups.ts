import { join } from "node:path";

/** Tests of one kind. */
export interface Group {
  readonly name: string;
  /** Absolute. */
  readonly files: readonly string[];
  /** Whether files run beside each other. */
  readonly isParallel: boolean;
  readonly needsBinary: boolean;
  readonly needsBrowser: boolean;
  readonly needsPostgres: boolean;
  readonly limitMs: number;
}

const MINUTE_MS = 60_000;

/** In the order they run: what fails fast comes first. The limits sum up to less than 20 minutes. */
const GROUPS: readonly Omit<Group, "files">[] = [
  {
    name: "meta",
    isParallel: true,
    needsBinary: false,
    needsBrowser: false,
    needsPostgres: false,
    limitMs: MINUTE_MS,
  },
  {
    name: "unit",
    isParallel: true,
    needsBinary: false,
    needsBrowser: false,
    needsPostgres: false,
    limitMs: 5 * MINUTE_MS,
  },
  {
    name: "conformance",
    isParallel: true,
    needsBinary: false,
    needsBrowser: false,
    needsPostgres: true,
    limitMs: 3 * MINUTE_MS,
  },
  {
    name: "integration",
    isParallel: true,
    needsBinary: false,
    needsBrowser: false,
    needsPostgres: true,
    limitMs: 4 * MINUTE_MS,
  },
  {
    name: "crash",
    isParallel: false,
    needsBinary: false,
    needsBrowser: false,
    needsPostgres: true,
    limitMs: 3 * MINUTE_MS,
  },
  {
    name: "e2e",
    isParallel: false,
    needsBinary: true,
    needsBrowser: true,
    needsPostgres: false,
    limitMs: 4 * MINUTE_MS,
  },
];

/** The groups that have tests under the paths; all of them where no path is given. */
export async function findGroups(testsDir: string, paths: readonly string[]): Promise<Group[]> {
  const groups: Group[] = [];
  for (const group of GROUPS) {
    const all = await testFiles(join(testsDir, group.name));
    const files = paths.length === 0
      ? all
      : all.filter((file) => paths.some((path) => file === path || file.startsWith(`${path}/`)));
    if (files.length > 0) groups.push({ ...group, files });
  }
  return groups;
}

async function testFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory) files.push(...await testFiles(path));
      else if (/_test\.tsx?$/.test(entry.name)) files.push(path);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return files.toSorted();
}
