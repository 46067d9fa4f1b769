import { systemClock } from "../../contract/clock.ts";
import type { Connector, SandboxProgram } from "../../contract/connector/connector.ts";
import type { AppError } from "../../contract/errors.ts";
import type { Job } from "../../contract/jobs/job.ts";
import type { RunJob } from "../../contract/jobs/run_job.ts";
import { duckdbOpener } from "../duckdb/file.ts";
import type { ServerRequests } from "./server_requests.ts";
import { Connections } from "./connections.ts";
import { scratchOf } from "./database_limits.ts";
import type { Reporter } from "./reporter.ts";

/** What a job's process gives its job. */
export interface JobContext {
  readonly connectors: readonly Connector[];
  readonly reporter: Reporter;
  readonly requests: Omit<ServerRequests, "take">;
  /** Its abort stops the job. */
  readonly signal: AbortSignal;
  /** Aborts the signal, with the reason of it. */
  readonly stop?: (reason: AppError) => void;
  /** The program of threads that read; without it all is read in the main thread. */
  readonly readThread?: URL;
  /** The program of the thread that calls functions of SQL; without it there are none. */
  readonly functionThread?: URL;
  /** What scripts run in, where the job may run some. */
  readonly sandbox?: SandboxProgram | undefined;
  /** The same for scripts in Python. */
  readonly python?: SandboxProgram | undefined;
}

/** The connectors of the job. `readThread` is the program of threads that read; without it all is read in this one. */
export function jobConnections(
  job:
    & Pick<Job, "connectors" | "projectDir" | "tempDir" | "duckdb">
    & Pick<RunJob, "scripts" | "traceparent" | "published">,
  { connectors, requests, reporter, signal, sandbox, python }: JobContext,
  readThread?: URL,
): Connections {
  return new Connections({
    connectors,
    definitions: job.connectors,
    requests,
    projectDir: job.projectDir,
    signal,
    clock: systemClock,
    openDuckdb: duckdbOpener(job.tempDir, job.duckdb),
    scratchDir: scratchOf(job.tempDir),
    log: (level, message) => reporter.log(level, null, message),
    readThread,
    sandbox,
    python,
    scripts: job.scripts,
    traceparent: job.traceparent,
    published: job.published,
  });
}
