import { join } from "node:path";

/** Tests that run in one process of `deno test`. */
export interface Group {
  readonly name: string;
  /** Files and folders with tests. Absolute. */
  readonly paths: readonly string[];
  /** Whether files run beside each other. */
  readonly isParallel: boolean;
  readonly needsBinary: boolean;
  readonly needsBrowser: boolean;
  readonly needsPostgres: boolean;
  readonly limitMs: number;
}

const MINUTE_MS = 60_000;

/** In the order they run: what fails fast comes first. The limits sum up to less than 20 minutes. */
const GROUPS: readonly Omit<Group, "paths">[] = [
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
    limitMs: 4 * MINUTE_MS,
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
    limitMs: 4 * MINUTE_MS,
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
    const folder = join(testsDir, group.name);
    const wanted = paths.length === 0 ? [folder] : paths.flatMap((path) => overlap(folder, path));
    const found: string[] = [];
    for (const path of wanted) if (await hasTests(path)) found.push(path);
    if (found.length > 0) groups.push({ ...group, paths: found });
  }
  return groups;
}

/** What a path means for a group's folder: the path inside of it, the whole folder, or nothing. */
function overlap(folder: string, path: string): string[] {
  if (path === folder || path.startsWith(`${folder}/`)) return [path];
  return folder.startsWith(`${path}/`) ? [folder] : [];
}

async function hasTests(path: string): Promise<boolean> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  if (info.isFile) return /_test\.tsx?$/.test(path);
  for await (const entry of Deno.readDir(path)) {
    if (await hasTests(join(path, entry.name))) return true;
  }
  return false;
}
