import { AppError, type ErrorCode } from "../../../contract/errors.ts";
import type { HranaFault } from "./messages.ts";

/** What a statement or a request failed with, as an AppError: `Cannot <subject>: <why>`. */

const LATER = "it is tried again later";

/** Codes of SQLite and of the server, and what is to be said of them in place of the server's own words. */
const FAULTS: Readonly<Record<string, readonly [ErrorCode, string?]>> = {
  SQLITE_BUSY: ["unavailable", `the database is locked by another writer; ${LATER}`],
  SQLITE_LOCKED: ["unavailable", `the database is locked by another writer; ${LATER}`],
  SQLITE_NOMEM: ["unavailable", `the server's memory ran out; ${LATER}`],
  SQLITE_IOERR: ["unavailable", `the server's disk could not be read or written; ${LATER}`],
  SQLITE_INTERRUPT: ["unavailable"],
  SQLITE_PROTOCOL: ["unavailable"],
  SQLITE_FULL: [
    "unavailable",
    "the database is full: its disk, or its own limit; make room and run it again",
  ],
  SQLITE_PERM: ["forbidden"],
  SQLITE_AUTH: ["forbidden"],
  SQLITE_READONLY: ["forbidden", "the database is read-only; use the url of its primary"],
  SQLITE_CORRUPT: ["invalid", "the database is damaged"],
  SQLITE_NOTADB: ["invalid", "the server's file is not a SQLite database"],
  TRANSACTION_TIMEOUT: [
    "unavailable",
    `the server ended the transaction, which another writer waited for too long; ${LATER}`,
  ],
  TRANSACTION_BUSY: ["unavailable", `the server has too many transactions; ${LATER}`],
  STREAM_EXPIRED: ["unavailable", `the server closed the stream, which was not used for too long; ${LATER}`],
  BLOCKED: ["forbidden"],
  PROXY_ERROR: ["unavailable"],
};

/** Of a statement. */
export function statementError(subject: string, { code, message }: HranaFault): AppError {
  const known = FAULTS[code];
  const met = message.replace(/^(?:SQLite|SQL input) error: /, "");
  if (known === undefined) {
    // SQLite has no code for a name that is not there.
    const kind = /no such table/i.test(met) ? "not_found" : "invalid";
    return new AppError(kind, `Cannot ${subject}: ${met}`, { detail: code });
  }
  const [kind, said] = known;
  if (said !== undefined) {
    return new AppError(kind, `Cannot ${subject}: ${said}`, { detail: `${code}: ${met}` });
  }
  const advice = code === "BLOCKED"
    ? "; the database's owner or plan does not allow it now"
    : kind === "unavailable"
    ? `; ${LATER}`
    : "";
  return new AppError(kind, `Cannot ${subject}: ${met}${advice}`, { detail: code });
}

/** Whether the database was locked by another writer, so that a moment later it may not be. */
export function isBusy(error: unknown): boolean {
  return error instanceof AppError &&
    /^(?:SQLITE_BUSY|SQLITE_LOCKED|TRANSACTION_BUSY)\b/.test(error.detail ?? "");
}

/** Of a whole request, by its HTTP status; `words` is what the server says of it. */
export function statusError(subject: string, server: string, status: number, words: string): AppError {
  const detail = { detail: `HTTP ${status}: ${words}` };
  const say = (code: ErrorCode, why: string) => new AppError(code, `Cannot ${subject}: ${why}`, detail);
  if (status === 401) {
    return say("unauthorized", `${server} does not accept the auth_token (${words}); make a new one`);
  }
  if (status === 403) {
    return say("forbidden", `${server} does not allow it (${words}); use an auth_token that may do it`);
  }
  if (status === 404) {
    return say("not_found", `${server} has no such database (${words}); check the url`);
  }
  if (status === 429) return say("unavailable", `${server} takes no more requests now; ${LATER}`);
  if (status >= 300 && status < 400) {
    return say("invalid", `${server} sends requests on to another address; use that one as the url`);
  }
  if (/invalid utf-?8/i.test(words)) {
    return say(
      "invalid",
      `${server} cannot send a text that is not UTF-8; correct it, or read it with a query that casts it to BLOB`,
    );
  }
  if (status >= 500) return say("unavailable", `${server} failed (${words}); ${LATER}`);
  return say("invalid", `${server} refuses the request (${words})`);
}

/** A stream is known to one process of the server, which has forgotten it: its transaction is rolled back. */
export function streamGone(subject: string, server: string, words: string): AppError {
  return new AppError(
    "unavailable",
    `Cannot ${subject}: ${server} does not know the stream any more: it was started anew, or waited too long; ${LATER}`,
    { detail: words },
  );
}

/** What fetch() threw. */
export function connectionError(subject: string, server: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof Deno.errors.NotCapable) {
    return new AppError("forbidden", `Cannot ${subject}: the run may not use the network to ${server}`, {
      cause: error,
    });
  }
  const message = wordsOf(error);
  if (/certificate|UnknownIssuer|NotValidForName/i.test(message)) {
    return new AppError("invalid", `Cannot ${subject}: the certificate of ${server} is not trusted`, {
      detail: message,
      cause: error,
    });
  }
  return new AppError(
    "unavailable",
    `Cannot ${subject}: ${server} cannot be reached, or went away; ${LATER}`,
    {
      detail: message,
      cause: error,
    },
  );
}

/** With its causes, as fetch() puts the reason into them. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${wordsOf(error.cause)}`;
}
