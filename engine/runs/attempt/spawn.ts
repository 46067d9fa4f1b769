import { AppError } from "../../../contract/errors.ts";
import type { Job, Order, Report, SentJob } from "../../../contract/job.ts";
import { linesOf } from "../../../contract/job_lines.ts";
import type { ProcessPermissions } from "../../grants/grant.ts";
import { permissionFlags, writePermissions } from "./permissions.ts";

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

/** What is kept of a line that is not a report. */
const MAX_LOG_LENGTH = 4_000;

/**
 * Starts a process that may do what this job needs and nothing else: no environment, no
 * subprocesses, the network of its connectors, the folders of its connectors. DuckDB's own files
 * are opened by native code, which `lockDown` in engine/duckdb confines. Nothing of the job is
 * among the process's arguments.
 */
export async function spawnRunProcess(
  program: RunProcessProgram,
  job: Job,
  access: ProcessPermissions,
  onStderr: (line: string) => void,
): Promise<RunProcess> {
  // The warehouse itself: a file whose making a kill cut off has to be cleared away.
  const own = job.kind === "run" ? [job.tempDir, job.warehousePath] : [job.tempDir];
  const permissionsPath = `${job.tempDir}.${crypto.randomUUID()}.json`;
  await writePermissions(permissionsPath, {
    ...access,
    read: [...program.codeRoots, ...access.read, ...access.write, ...own],
    write: [...access.write, ...own],
  });
  const removePermissions = () => Deno.remove(permissionsPath).catch(() => {});
  const args = ["run", "--quiet", ...permissionFlags(permissionsPath), program.entry];
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program.deno, {
      args,
      cwd: job.projectDir,
      clearEnv: true,
      env: {
        NO_COLOR: "1",
        DENO_NO_UPDATE_CHECK: "1",
        ...(program.denoDir === undefined ? {} : { DENO_DIR: program.denoDir }),
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    await removePermissions();
    throw new AppError(
      "unavailable",
      `Cannot start the run's process with ${program.deno}: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
  const stdin = child.stdin.getWriter();
  const stderrDone = forwardLines(child.stderr, onStderr);
  const writeLine = async (value: SentJob | Order) => {
    try {
      await stdin.write(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
    } catch {
      // The process is gone; its status tells more than a broken pipe.
    }
  };
  const reportKey = crypto.randomUUID();
  await writeLine({ ...job, reportKey });
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
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
  return {
    pid: child.pid,
    reports: readReports(child.stdout, reportKey, { onBegin: removePermissions, onOther: onStderr }),
    status,
    send: writeLine,
    close,
    kill,
    async [Symbol.asyncDispose]() {
      kill();
      await close();
      await status;
      // Unread output would keep the pipe open.
      if (!child.stdout.locked) await child.stdout.cancel();
    },
  };
}

interface OutputHandlers {
  /** When the process has written something: it has read its permissions then. */
  readonly onBegin: () => Promise<void>;
  /** A line that is no report: SQL or a library wrote to stdout. */
  readonly onOther: (line: string) => void;
}

/** The reports among the lines of a process's stdout: those that begin with the key that only it knows. */
async function* readReports(
  stdout: ReadableStream<Uint8Array>,
  reportKey: string,
  { onBegin, onOther }: OutputHandlers,
): AsyncIterable<Report> {
  let hasBegun = false;
  for await (const line of linesOf(stdout)) {
    if (!hasBegun) await onBegin();
    hasBegun = true;
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

const REPORT_TYPES: ReadonlySet<unknown> = new Set<Report["type"]>([
  "log",
  "step",
  "progress",
  "columns",
  "checking",
  "checked",
  "finished",
]);

/** Both ends are the same version of the same program, so the type is all that is looked at. */
function isReport(value: unknown): value is Report {
  return typeof value === "object" && value !== null && "type" in value && REPORT_TYPES.has(value.type);
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
