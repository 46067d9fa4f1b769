import { basename, join } from "node:path";
import type { Clock } from "../../../contract/clock.ts";
import type { CheckJob } from "../../../contract/jobs/check_job.ts";
import type { RunJob } from "../../../contract/jobs/run_job.ts";
import type { ProcessPermissions } from "../../grants/grant.ts";
import { type RunProcess, type RunProcessProgram, startProcess, type WaitingProcess } from "./spawn.ts";

/** A process that waits costs some 90 MB: few are kept, and not for long. */
const KEEP_MS = 60_000;
/** A command starts the processes of its one check and its one run ahead. */
const READY_BY_DEFAULT = 2;

export interface ProcessPoolContext {
  readonly program: RunProcessProgram;
  /** Where each process has a folder of its own. Absolute; emptied before the first process, made when it is needed. */
  readonly folder: string;
  readonly clock: Clock;
}

/** Which processes may stand in for one another: those with the very same permissions. */
export interface ProcessGrant {
  readonly permissions: ProcessPermissions;
  readonly projectDir: string;
}

/** A job before it is known which process carries it out. */
export type UnplacedJob = Omit<RunJob, "tempDir">;
export type UnplacedCheck = Omit<CheckJob, "tempDir">;

interface Waiting {
  readonly grant: string;
  readonly folder: string;
  readonly process: WaitingProcess;
  readonly expired: AbortController;
}

/**
 * Starts the processes of runs, and starts some before their run is there. Permissions are fixed at a
 * process's start, so one that waits belongs to one grant; it has no job and no secret. Few
 * wait, each for a minute at most.
 */
export class ProcessPool implements AsyncDisposable {
  readonly #context: ProcessPoolContext;
  readonly #waiting: Waiting[] = [];
  readonly #starting = new Map<string, Promise<void>>();
  readonly #changes = new Set<Promise<void>>();
  readonly #folders = new Set<string>();
  #cleaned: Promise<void> | undefined;
  #maxWaiting = READY_BY_DEFAULT;
  #isClosed = false;

  constructor(context: ProcessPoolContext) {
    this.#context = context;
  }

  /** The names of the folders that its processes have now. */
  get folders(): ReadonlySet<string> {
    return this.#folders;
  }

  /** How many processes may wait from now on. */
  keepReady(count: number): void {
    this.#maxWaiting = count;
  }

  /** The ids of the processes that wait for a job. */
  get waiting(): readonly number[] {
    return this.#waiting.map(({ process }) => process.pid);
  }

  /** Resolves when nothing is being started or ended. */
  async settled(): Promise<void> {
    while (this.#changes.size > 0) await Promise.all(this.#changes);
  }

  /**
   * Hands the job to a process of this grant, one that waits or a new one. Disposing of the result
   * kills the process and removes its folder. Throws `unavailable` where none can be started.
   */
  async start(
    grant: ProcessGrant,
    job: UnplacedJob,
    onStderr: (line: string) => void,
  ): Promise<RunProcess> {
    const waiting = await this.#takeWaiting(grant) ?? await this.#startNew(grant);
    return await this.#begin(waiting, job, onStderr);
  }

  /** Hands the check to a process of this grant that was started ahead. Returns undefined where there is none. */
  async startWaiting(
    grant: ProcessGrant,
    job: UnplacedCheck,
    onStderr: (line: string) => void,
  ): Promise<RunProcess | undefined> {
    const waiting = await this.#takeWaiting(grant);
    return waiting === undefined ? undefined : await this.#begin(waiting, job, onStderr);
  }

  async #begin(
    { folder, process }: Pick<Waiting, "folder" | "process">,
    job: UnplacedJob | UnplacedCheck,
    onStderr: (line: string) => void,
  ): Promise<RunProcess> {
    const placed = await process.begin({ ...job, tempDir: folder }, onStderr);
    return {
      ...placed,
      [Symbol.asyncDispose]: async () => {
        await placed[Symbol.asyncDispose]();
        await this.#removeFolder(folder);
      },
    };
  }

  /**
   * Starts a process of this grant ahead, unless one waits already. Returns when it has been started, or could
   * not be. Never throws: the run itself will tell.
   */
  async warm(grant: ProcessGrant): Promise<void> {
    const key = keyOf(grant);
    const known = this.#waiting.find((waiting) => waiting.grant === key);
    if (this.#isClosed || this.#maxWaiting === 0 || known !== undefined || this.#starting.has(key)) return;
    const starting = this.#startNew(grant).then(
      (started) => this.#keep({ grant: key, ...started, expired: new AbortController() }),
      () => {},
    ).finally(() => this.#starting.delete(key));
    this.#starting.set(key, starting);
    this.#track(starting);
    await starting;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.settled();
    await Promise.all([...this.#waiting].map((waiting) => this.#drop(waiting)));
  }

  async #takeWaiting(grant: ProcessGrant): Promise<Pick<Waiting, "folder" | "process"> | undefined> {
    const key = keyOf(grant);
    await this.#starting.get(key);
    const index = this.#waiting.findIndex((waiting) => waiting.grant === key);
    const [waiting] = index === -1 ? [] : this.#waiting.splice(index, 1);
    waiting?.expired.abort();
    return waiting;
  }

  async #startNew({ permissions, projectDir }: ProcessGrant): Promise<Pick<Waiting, "folder" | "process">> {
    const { program, folder: parent } = this.#context;
    // What processes of a dead server spilt goes before the first of ours spills.
    await (this.#cleaned ??= removeAll(parent));
    const folder = join(parent, crypto.randomUUID());
    this.#folders.add(basename(folder));
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    try {
      return { folder, process: await startProcess(program, { permissions, projectDir, folder }) };
    } catch (error) {
      await this.#removeFolder(folder);
      throw error;
    }
  }

  async #removeFolder(folder: string): Promise<void> {
    await removeAll(folder);
    this.#folders.delete(basename(folder));
  }

  async #keep(waiting: Waiting): Promise<void> {
    this.#waiting.push(waiting);
    const oldest = this.#waiting.length > this.#maxWaiting ? this.#waiting[0] : undefined;
    if (oldest !== undefined) await this.#drop(oldest);
    const { expired: { signal }, process } = waiting;
    // Whichever is first: it was not needed, or it died.
    Promise.race([this.#context.clock.sleep(KEEP_MS, signal), process.status]).then(() => {
      if (!signal.aborted) this.#track(this.#drop(waiting));
    });
  }

  #track(change: Promise<void>): void {
    const tracked = change.catch(() => {}).finally(() => this.#changes.delete(tracked));
    this.#changes.add(tracked);
  }

  async #drop(waiting: Waiting): Promise<void> {
    const index = this.#waiting.indexOf(waiting);
    if (index === -1) return;
    this.#waiting.splice(index, 1);
    waiting.expired.abort();
    await waiting.process[Symbol.asyncDispose]();
    await this.#removeFolder(waiting.folder);
  }
}

function keyOf({ permissions, projectDir }: ProcessGrant): string {
  const { hosts, read, write, deny, commands = [], startsScripts = false, python = "", environment = [] } =
    permissions;
  const lists = [hosts, read, write, deny, commands, environment].map((list) => [...new Set(list)].sort());
  return JSON.stringify([projectDir, startsScripts, python, ...lists]);
}

/** What cannot be removed is left to the next start and to the housekeeping. */
async function removeAll(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch(() => {});
}
