import { join } from "node:path";
import { PROJECT_PATHS } from "../../contract/project/project_paths.ts";
import type { Policy } from "./policy.ts";
import { isInside, realPathOf } from "./real_path.ts";

/** A path that no policy opens. */
export interface Reserved {
  /** Absolute, links followed. */
  readonly path: string;
  /** What it is, for a message: `the data folder`. */
  readonly what: string;
  /** Whether only writing is refused. */
  readonly writeOnly?: boolean;
  /** Whether a connector's own configuration, as a certificate, may lie there. */
  readonly mayHoldConfig?: boolean;
}

/** The operator's policy with everything around it that decides what a process may touch. */
export interface Fence {
  readonly policy: Policy;
  /** The policy's file roots, links followed. */
  readonly roots: readonly string[];
  readonly reserved: readonly Reserved[];
  /** Absolute, links followed. */
  readonly projectDir: string;
  readonly dataDir: string;
}

export interface FenceOptions {
  readonly policy: Policy;
  readonly projectDir: string;
  readonly dataDir: string;
  /** The program's code, native libraries, runtime and caches. */
  readonly programPaths: readonly string[];
  /** Folders with a file for each secret. */
  readonly secretFolders: readonly string[];
  /** The control store's file, where it lies outside of the data folder. */
  readonly storePath?: string;
  /** The file of the key that seals what the store keeps, where one is named. */
  readonly keyPath?: string;
}

const SYSTEM_FOLDERS = ["/proc", "/sys", "/dev"];
/** Read by nobody as data either. */
const PROJECT_CONFIG = ["connectors.yaml", "notifiers.yaml", ".git"];
/** What says what the server does: whoever could write there could make it do anything. */
const DEFINITIONS = PROJECT_PATHS.filter((name) => !PROJECT_CONFIG.includes(name));

/** Looks up where everything is. A later look may find links that lead elsewhere: make one for each grant. */
export async function createFence(options: FenceOptions): Promise<Fence> {
  const { policy } = options;
  const projectDir = await realPathOf(options.projectDir);
  const dataDir = await realPathOf(options.dataDir);
  const reserve = (
    paths: readonly string[],
    what: string,
    more: Partial<Reserved> = {},
  ): Promise<Reserved[]> =>
    Promise.all(paths.map(async (path) => ({ path: await realPathOf(path), what, ...more })));
  const inProject = (names: readonly string[]) => names.map((name) => join(options.projectDir, name));
  return {
    policy,
    projectDir,
    dataDir,
    roots: await Promise.all(policy.fileRoots.map((root) => realPathOf(root))),
    reserved: [
      { path: dataDir, what: "the data folder" },
      ...await reserve(SYSTEM_FOLDERS, "the system's own folder"),
      ...await reserve(options.programPaths, "the program's own files"),
      ...await reserve(options.secretFolders, "where secrets are kept", { mayHoldConfig: true }),
      ...await reserve(storeFiles(options.storePath), "the control store"),
      ...await reserve(options.keyPath === undefined ? [] : [options.keyPath], "the server's key"),
      ...await reserve(policy.path === undefined ? [] : [policy.path], "the operator's policy"),
      ...await reserve(inProject(PROJECT_CONFIG), "the project's definitions"),
      ...await reserve(inProject(DEFINITIONS), "the project's definitions", { writeOnly: true }),
    ],
  };
}

/** The reserved path that the path is, or lies in; undefined where there is none. */
export function reservedAround(fence: Fence, path: string, action: "read" | "write"): Reserved | undefined {
  return fence.reserved.find((reserved) =>
    (action === "write" || !reserved.writeOnly) && isInside(reserved.path, path) &&
    !isProjectInside(fence, reserved, path)
  );
}

/** The reserved paths that lie in the folder. */
export function reservedWithin(fence: Fence, folder: string, action: "read" | "write"): Reserved[] {
  return fence.reserved.filter((reserved) =>
    (action === "write" || !reserved.writeOnly) && reserved.path !== folder && isInside(folder, reserved.path)
  );
}

/** A project that is kept in the data folder is none of the server's own files. */
function isProjectInside(fence: Fence, reserved: Reserved, path: string): boolean {
  return reserved.path === fence.dataDir && reserved.path !== fence.projectDir &&
    isInside(reserved.path, fence.projectDir) && isInside(fence.projectDir, path);
}

function storeFiles(path: string | undefined): string[] {
  return path === undefined ? [] : [path, `${path}-wal`, `${path}-shm`];
}

/** The files in the data folder that no process of a run has any business with. */
export function controlFiles({ dataDir }: Fence): string[] {
  return CONTROL_FILES.map((name) => join(dataDir, name));
}

const CONTROL_FILES = [
  "server.json",
  "server.sock",
  "lock",
  "sluice.db",
  "sluice.db-wal",
  "sluice.db-shm",
  "sluice.key",
  "tokens",
  "leases",
] as const;
