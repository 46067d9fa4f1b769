import { ServerError } from "../../session/server_error.ts";
import type { Session } from "../../session/session.ts";
import { missingGrant } from "./server.ts";

/** One file of a server's log. */
export interface LogFileSize {
  readonly file: string;
  readonly sizeBytes: number;
}

const DENIED = 1227;

/** The files that the server has of its log, oldest first; the last one is written to. Throws `forbidden`, with what to do. */
export async function logFiles(session: Session, action: string): Promise<readonly LogFileSize[]> {
  try {
    const { rows } = await session.query("SHOW BINARY LOGS");
    return rows.map(([file, size]) => ({ file: file ?? "", sizeBytes: Number(size) }));
  } catch (error) {
    if (!(error instanceof ServerError) || error.errno !== DENIED) throw error;
    throw missingGrant(action, session, "its log's files", error);
  }
}
