import { join } from "node:path";

/** Tests of one kind. */
export interface Group {
  readonly name: string;
  /** Absolute. */
  readonly files: readonly string[];
  /** Whether its files run beside each other. */
  readonly isParallel: boolean;
  readonly needsBinary: boolean;
  /** The program as it ships, in a folder. */
  readonly needsProgram: boolean;
  readonly needsBrowser: boolean;
  readonly needsPostgres: boolean;
  readonly needsMariadb: boolean;
  /** A server that speaks S3. */
  readonly needsS3: boolean;
  /** A server that speaks SFTP. */
  readonly needsSftp: boolean;
  /** Python with pyarrow. */
  readonly needsSecondReaders: boolean;
}

/** Whether its tests can run before anything is started for them. */
export const needsNothing = (group: Group): boolean =>
  !(group.needsBinary || group.needsProgram || group.needsBrowser || group.needsPostgres ||
    group.needsMariadb || group.needsS3 ||
    group.needsSftp || group.needsSecondReaders);

/**
 * In the order they run: what fails fast comes first. Small files come last, so that no processor has nothing to do at
 * the end.
 */
const GROUPS: readonly Omit<Group, "files">[] = [
  {
    name: "meta",
    isParallel: true,
    needsBinary: false,
    needsProgram: false,
    needsBrowser: false,
    needsPostgres: false,
    needsMariadb: false,
    needsS3: false,
    needsSftp: false,
    needsSecondReaders: false,
  },
  {
    name: "unit",
    isParallel: true,
    needsBinary: false,
    needsProgram: false,
    needsBrowser: false,
    needsPostgres: false,
    needsMariadb: false,
    needsS3: false,
    needsSftp: false,
    needsSecondReaders: false,
  },
  {
    name: "conformance",
    isParallel: true,
    needsBinary: false,
    needsProgram: true,
    needsBrowser: false,
    needsPostgres: true,
    needsMariadb: true,
    needsS3: true,
    needsSftp: true,
    needsSecondReaders: false,
  },
  {
    name: "differential",
    isParallel: false,
    needsBinary: false,
    needsProgram: true,
    needsBrowser: false,
    needsPostgres: true,
    needsMariadb: true,
    needsS3: true,
    needsSftp: true,
    needsSecondReaders: true,
  },
  {
    name: "crash",
    isParallel: true,
    needsBinary: false,
    needsProgram: true,
    needsBrowser: false,
    needsPostgres: true,
    needsMariadb: true,
    needsS3: true,
    needsSftp: true,
    needsSecondReaders: false,
  },
  {
    name: "e2e",
    isParallel: false,
    needsBinary: true,
    needsProgram: false,
    needsBrowser: true,
    needsPostgres: false,
    needsMariadb: false,
    needsS3: false,
    needsSftp: false,
    needsSecondReaders: false,
  },
  {
    name: "integration",
    isParallel: true,
    needsBinary: false,
    needsProgram: true,
    needsBrowser: false,
    needsPostgres: true,
    needsMariadb: true,
    needsS3: true,
    needsSftp: true,
    needsSecondReaders: false,
  },
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
