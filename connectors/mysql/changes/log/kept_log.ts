import type { FollowProgress } from "../../../../contract/connector/changes.ts";
import { formatDuration } from "../../../../text/format.ts";
import type { SessionPool } from "../../session_pool.ts";
import type { Session } from "../../session/session.ts";
import { randomServerId } from "../server_id.ts";
import { logFiles, type LogFileSize } from "./log_files.ts";
import { openLog } from "./open_log.ts";
import { type Place, writePlace } from "./place.ts";

/** What comes behind a place in a server's log, now. */
export type KeptLog = Pick<FollowProgress, "behindBytes" | "warning">;

export interface KeptSubject {
  readonly pool: SessionPool;
  readonly session: Session;
  readonly action: string;
  /** All before it was read. */
  readonly position: Place;
  readonly signal: AbortSignal;
}

/** Of the time for which the server keeps its log, what is to be left at least. */
const LEAST_LEFT = 1 / 4;

/** How much there is behind the position, with a warning where the server is about to remove it, or has. */
export async function lookAtKept(subject: KeptSubject): Promise<KeptLog> {
  const { session, action, position } = subject;
  const files = await logFiles(session, action);
  const at = files.findIndex(({ file }) => file === position.file);
  if (at < 0) {
    const warning =
      `The server's log no longer has ${position.file}, in which its streams are: run the pipeline, ` +
      "which goes on by GTID where that is possible, or says that --full-refresh is needed";
    return { behindBytes: null, warning };
  }
  const bytes = files.slice(at).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const next = files[at + 1];
  return {
    behindBytes: Math.max(0, bytes - position.offset),
    warning: next === undefined ? null : await warningOf(subject, next),
  };
}

/** The server removes a file by the time of its last event, which is when the next one was begun. */
async function warningOf(subject: KeptSubject, next: LogFileSize): Promise<string | null> {
  const keptSeconds = await retentionSeconds(subject.session);
  if (keptSeconds === undefined) return null;
  const begun = await beginOf(subject, next);
  const { rows: [[now] = []] } = await subject.session.query("SELECT UNIX_TIMESTAMP()");
  if (begun === undefined) return null;
  const leftSeconds = begun + keptSeconds - Math.floor(Number(now));
  if (leftSeconds >= keptSeconds * LEAST_LEFT) return null;
  const when = leftSeconds > 0 ? `in ${formatDuration(leftSeconds * 1_000)}` : "when it begins its next file";
  return `The server keeps its log for ${formatDuration(keptSeconds * 1_000)} (binlog_expire_logs_seconds, ` +
    `expire_logs_days) and removes ${when} what comes behind ${
      writePlace(subject.position)
    }, which was not read yet: ` +
    "run the pipeline, or more often, or keep the log longer; what is removed first is lost, and the tables must be " +
    "read anew with --full-refresh";
}

/** Undefined where the server removes nothing by itself. */
async function retentionSeconds(session: Session): Promise<number | undefined> {
  const { rows } = await session.query(
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('binlog_expire_logs_seconds', 'expire_logs_days', " +
      "'binlog_expire_logs_auto_purge')",
  );
  const values = new Map(rows.map(([name, value]) => [name ?? "", value ?? ""]));
  if (values.get("binlog_expire_logs_auto_purge") === "OFF") return undefined;
  const seconds = Number(values.get("binlog_expire_logs_seconds") ?? 0);
  const ofDays = Number(values.get("expire_logs_days") ?? 0) * 86_400;
  return seconds > 0 ? seconds : ofDays > 0 ? ofDays : undefined;
}

/** When a file was begun, in seconds since 1970. */
async function beginOf(
  { pool, action, signal }: KeptSubject,
  { file }: LogFileSize,
): Promise<number | undefined> {
  const from = { place: { file, offset: 4 } };
  await using log = await openLog(pool, signal, { action, serverId: randomServerId(), from });
  await log.events().next();
  return log.reader.file?.at;
}
