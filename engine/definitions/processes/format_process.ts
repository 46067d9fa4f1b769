import type { FormattedText } from "../../../contract/jobs/format_job.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import { followReports } from "../../runs/attempt/follow_reports.ts";
import { withJobProcess } from "../../runs/attempt/job_process.ts";
import type { RunProcessProgram } from "../../runs/attempt/spawn.ts";

const SUBJECT = "Cannot format the SQL";

export interface FormatProcessOptions {
  readonly runProcess: RunProcessProgram;
  readonly projectDir: string;
  readonly log: Log;
}

/** Formats texts of SQL in a process that may do nothing else; for each, in order, what came of it. */
export async function formatTexts(
  { runProcess, projectDir, log }: FormatProcessOptions,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<readonly FormattedText[]> {
  const job = {
    kind: "format",
    projectDir,
    connectors: {},
    duckdb: { directories: [], files: [] },
    texts,
  } as const;
  const permissions = { hosts: [], read: [], write: [], deny: [] };
  return await withJobProcess(runProcess, { job, permissions }, async (process, stderr) => {
    let formatted: readonly FormattedText[] | undefined;
    await followReports(process, {
      redact: (text) => text,
      subject: SUBJECT,
      log,
      onReport: (report) => {
        if (report.type === "formatted") formatted = report.texts;
      },
    }, signal);
    if (formatted !== undefined) return formatted;
    throw new AppError("internal", `${SUBJECT}: the process that did it ended early`, {
      detail: stderr.text,
    });
  });
}
