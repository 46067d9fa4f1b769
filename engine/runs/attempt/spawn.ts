import { AppError } from "../../../contract/errors.ts";
import type { Job, Order, SentJob } from "../../../contract/jobs/job.ts";
import type { Report } from "../../../contract/jobs/reports.ts";
import { linesOf } from "../../../contract/jobs/job_lines.ts";
import type { ProcessPermissions } from "../../grants/grant.ts";
import { permissionFlags, writePermissions } from "./permissions.ts";
import type { ScriptSandboxes } from "./script_sandboxes.ts";

/** Where the program of a run's process is, as the composition root found it. */
export interface RunProcessProgram {
  /** The deno executable. */
  readonly deno: string;
  /** The program's file. */
  readonly entry: string;
  /** Folders with code and native libraries that the process reads. */
  readonly codeRoots: readonly string[];
  /** DENO_DIR, so that what is compiled once stays compiled. */
  readonly denoDir: string | undefined;
  /** Variables that say which authorities TLS trusts, for all processes the same; none by default. */
  readonly trust?: Readonly<Record<string, string>>;
  /** How scripts are confined; absent where none is ever started. */
  readonly sandboxes?: ScriptSandboxes;
}

/** A run's process, from the side of its server. Disposing of it kills it. */
export interface RunProcess extends AsyncDisposable {
  readonly pid: number;
  /** Ends when the process has closed its output. Throws `internal` where a report cannot be understood. */
  readonly reports: AsyncIterable<Report>;
  /** Resolves when the process is gone. */
  readonly status: Promise<Deno.CommandStatus>;
  send(order: Order): Promise<void>;
  /** Closes the process's stdin: after its last report it ends by that. */
  close(): Promise<void>;
  kill(): void;
}

/**
 * Rows come and go as memory outside of V8's heap, which is small itself. V8 would look through all of that
 * heap for each 64 MB of them, a tenth of a run's processor time; young ones it frees without that. Whoever starts
 * the program has the same flags, since Deno keeps compiled code for one set of them only.
 */
export const ENGINE_FLAGS = "--v8-flags=--initial-old-space-size=64";

/** What is kept of a line that is not a report. */
const MAX_LOG_LENGTH = 4_000;

/** What a process is started for: all of it is fixed before it has a job. */
export interface ProcessSpec {
  readonly permissions: ProcessPermissions;
  /** Its working folder. Absolute. */
  readonly projectDir: string;
  /** A folder of its own, which exists: where it spills. Absolute. */
  readonly folder: string;
}

/** A process that waits for its job. It knows no secret yet. Disposing of it kills it. */
export interface WaitingProcess extends AsyncDisposable {
  readonly pid: number;
  /** Resolves when the process is gone. */
  readonly status: Promise<Deno.CommandStatus>;
  /** Hands over the job: to be called once. `onStderr` gets what it wrote to stderr, from its start on. */
  begin(job: Job, onStderr: (line: string) => void): Promise<RunProcess>;
}

/** Starts a process for one job: see `startProcess`. The job's own folder and warehouse are added to what it may touch. */
export async function spawnRunProcess(
  program: RunProcessProgram,
  job: Job,
  access: ProcessPermissions,
  onStderr: (line: string) => void,
): Promise<RunProcess> {
  // The warehouse itself: a file whose making a kill cut off has to be cleared away.
  const snapshots = job.kind === "run" && job.snapshots !== undefined ? [job.snapshots] : [];
  const own = "warehousePath" in job ? [job.warehousePath, ...snapshots] : [];
  const permissions = { ...access, write: [...access.write, ...own] };
  const process = await startProcess(program, {
    permissions,
    projectDir: job.projectDir,
    folder: job.tempDir,
  });
  return await process.begin(job, onStderr);
}

/**
 * Starts a process that may do what `spec` says and nothing else: no environment but what it names, no programs but
 * those, the network of its connectors, the folders of its connectors and its own. DuckDB's own files are
 * opened by native code, which `lockDown` in engine/duckdb confines. Nothing of it is among the
 * process's arguments. It loads all that a job may need, then waits for one.
 */
export async function startProcess(program: RunProcessProgram, spec: ProcessSpec): Promise<WaitingProcess> {
  const { permissions: { read, write, ...permissions }, folder } = spec;
  const permissionsPath = `${folder}.${crypto.randomUUID()}.json`;
  const most = permissions.scriptCeilings ?? {};
  const sandbox = permissions.startsScripts === true ? await program.sandboxes?.find() : undefined;
  const python = permissions.python === undefined
    ? undefined
    : await program.sandboxes?.findPython(permissions.python);
  const starters = [sandbox, python].filter((one) => one !== undefined)
    .map(({ prlimit, command }) => prlimit ?? command[0] ?? program.deno);
  const own = {
    ...permissions,
    read: [...program.codeRoots, ...read, ...write, folder],
    write: [...write, folder],
  };
  await writePermissions(permissionsPath, own, starters);
  const removePermissions = () => Deno.remove(permissionsPath).catch(() => {});
  const child = await spawnChild(program, spec, permissionsPath, removePermissions);
  const stdin = child.stdin.getWriter();
  const stderr = new HeldLines();
  const stderrDone = forwardLines(child.stderr, (line) => stderr.take(line));
  const writeLine = async (value: SentJob | Order) => {
    try {
      await stdin.write(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
    } catch {
      // The process is gone; its status says more than a broken pipe.
    }
  };
  let isClosed = false;
  const close = async () => {
    if (isClosed) return;
    isClosed = true;
    await stdin.close().catch(() => {});
  };
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // Already gone.
    }
  };
  const status = child.status.then(async (result) => {
    await removePermissions();
    await stderrDone;
    return result;
  });
  // The first line that it writes says that it has loaded, and so has read its permissions.
  const lines = linesOf(child.stdout)[Symbol.asyncIterator]();
  const first = lines.next().then(async (line) => {
    await removePermissions();
    return line;
  });
  first.catch(() => {});
  const dispose = async () => {
    kill();
    await close();
    await status;
    await first.catch(() => {});
    await lines.return?.();
  };
  return {
    pid: child.pid,
    status,
    async begin(job, onStderr) {
      stderr.forward(onStderr);
      const reportKey = crypto.randomUUID();
      await writeLine({
        ...job,
        reportKey,
        ...(sandbox === undefined ? {} : { sandbox: { ...sandbox, most } }),
        ...(python === undefined ? {} : { python: { ...python, most } }),
      });
      return {
        pid: child.pid,
        reports: readReports(first, lines, reportKey, onStderr),
        status,
        send: writeLine,
        close,
        kill,
        [Symbol.asyncDispose]: dispose,
      };
    },
    [Symbol.asyncDispose]: dispose,
  };
}

async function spawnChild(
  program: RunProcessProgram,
  { projectDir, permissions: { environment = [] } }: ProcessSpec,
  permissionsPath: string,
  removePermissions: () => Promise<void>,
): Promise<Deno.ChildProcess> {
  try {
    return new Deno.Command(program.deno, {
      args: ["run", "--quiet", ENGINE_FLAGS, ...permissionFlags(permissionsPath), program.entry],
      cwd: projectDir,
      clearEnv: true,
      env: {
        NO_COLOR: "1",
        DENO_NO_UPDATE_CHECK: "1",
        ...(program.denoDir === undefined ? {} : { DENO_DIR: program.denoDir }),
        ...program.trust,
        ...variables(environment),
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    await removePermissions();
    const message = `Cannot start the run's process with ${program.deno}: ${messageOf(error)}`;
    throw new AppError("unavailable", message, { cause: error });
  }
}

/** Those of the server's own environment that have a value. */
function variables(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

/** Lines that nobody listens to yet; a process that goes mad while it waits fills no memory. */
class HeldLines {
  static readonly #MAX = 100;
  readonly #held: string[] = [];
  #listener: ((line: string) => void) | undefined;

  take(line: string): void {
    if (this.#listener !== undefined) this.#listener(line);
    else if (this.#held.length < HeldLines.#MAX) this.#held.push(line);
  }

  forward(listener: (line: string) => void): void {
    this.#listener = listener;
    for (const line of this.#held.splice(0)) listener(line);
  }
}

/**
 * The reports among the lines of a process's stdout: those that begin with the key that only it knows.
 * A line that is none comes from SQL or a library and goes to `onOther`.
 */
async function* readReports(
  first: Promise<IteratorResult<string>>,
  lines: AsyncIterator<string>,
  reportKey: string,
  onOther: (line: string) => void,
): AsyncIterable<Report> {
  for (let step = await first; !step.done; step = await lines.next()) {
    const line = step.value;
    if (line.startsWith(`${reportKey} `)) yield parseReport(line.slice(reportKey.length + 1));
    else if (line.trim() !== "") onOther(line.slice(0, MAX_LOG_LENGTH));
  }
}

function parseReport(text: string): Report {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError("internal", "The run's process wrote a report that is not JSON", {
      detail: text.slice(0, 200),
      cause: error,
    });
  }
  if (isReport(value)) return value;
  throw new AppError("internal", "The run's process wrote a report of an unknown type", {
    detail: text.slice(0, 200),
  });
}

/** Total, so that a new type does not compile before it is known here. */
const REPORT_TYPES: Readonly<Record<Report["type"], true>> = {
  log: true,
  step: true,
  progress: true,
  columns: true,
  table: true,
  rejects: true,
  failed_rows: true,
  tested: true,
  tried: true,
  compared: true,
  previewed: true,
  replayed: true,
  promotion: true,
  asked: true,
  converted: true,
  begun: true,
  formatted: true,
  schema: true,
  followed: true,
  stream: true,
  kept: true,
  seen: true,
  rejects_changed: true,
  verified: true,
  question: true,
  read: true,
  live: true,
  checking: true,
  checked: true,
  discovered: true,
  finished: true,
};

/** Both ends are the same version of the same program, so the type is all that is looked at. */
function isReport(value: unknown): value is Report {
  return typeof value === "object" && value !== null && "type" in value &&
    Object.hasOwn(REPORT_TYPES, String(value.type));
}

async function forwardLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  try {
    for await (const line of linesOf(stream)) if (line.trim() !== "") onLine(line.slice(0, MAX_LOG_LENGTH));
  } catch {
    // Killed in the middle of a line.
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
