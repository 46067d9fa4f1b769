import { join } from "node:path";

/**
 * What has to be there for tests: the packed file, the program as it ships in a folder, Chromium, servers that speak their
 * protocols, Python with pyarrow.
 */
export type Need =
  | "binary"
  | "program"
  | "browser"
  | "postgres"
  | "mariadb"
  | "s3"
  | "sftp"
  | "second readers";

const SERVERS: readonly Need[] = ["postgres", "mariadb", "s3", "sftp"];

/** Tests of one kind. */
export interface Group {
  readonly name: string;
  /** Absolute. */
  readonly files: readonly string[];
  /** Whether its files run beside each other. */
  readonly isParallel: boolean;
  readonly needs: readonly Need[];
  /** Files that wait more than they work, for so long at most: they run beside all others and take no place. */
  readonly besideMs?: number;
}

/**
 * In the order they run: what fails fast comes first. Small files come last, so that no processor has nothing to do at
 * the end.
 */
const GROUPS: readonly Omit<Group, "files">[] = [
  { name: "meta", isParallel: true, needs: [] },
  { name: "unit", isParallel: true, needs: [] },
  { name: "conformance", isParallel: true, needs: ["program", ...SERVERS] },
  { name: "differential", isParallel: false, needs: ["program", "second readers", ...SERVERS] },
  { name: "crash", isParallel: true, needs: ["program", ...SERVERS] },
  { name: "e2e", isParallel: false, needs: ["binary", "browser"] },
  { name: "integration", isParallel: true, needs: ["program", ...SERVERS] },
  { name: "soak", isParallel: true, needs: ["program", "postgres"], besideMs: 15 * 60_000 },
];

/** The groups that have tests under the paths; all of them where no path is given. Their files are in the order in which to run them. */
export async function findGroups(testsDir: string, paths: readonly string[]): Promise<Group[]> {
  const groups: Group[] = [];
  for (const group of GROUPS) {
    const all = await testFiles(join(testsDir, group.name));
    const files = paths.length === 0
      ? all
      : all.filter((file) => paths.some((path) => file === path || file.startsWith(`${path}/`)));
    if (files.length > 0) groups.push({ ...group, files: await largestFirst(files) });
  }
  return groups;
}

/** What takes longest tends to be long: begun last, it would run alone at the end. */
async function largestFirst(files: readonly string[]): Promise<string[]> {
  const sizes = new Map<string, number>();
  for (const file of files) sizes.set(file, (await Deno.stat(file)).size);
  return files.toSorted((a, b) => (sizes.get(b) ?? 0) - (sizes.get(a) ?? 0) || a.localeCompare(b));
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
  return files;
}
