import { AppError, type ErrorCode } from "../../../contract/errors.ts";
import { TRANSFER_CUT } from "../remote/remote_object.ts";

/** Codes of SSH_FXP_STATUS. Source: draft-ietf-secsh-filexfer-02, section 7 */
const NO_SUCH_FILE = 2;
const PERMISSION_DENIED = 3;
const NO_CONNECTION = 6;
const CONNECTION_LOST = 7;
const OP_UNSUPPORTED = 8;

/** The number that the server gave as its answer; undefined for an error of another kind. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "number" ? error.code : undefined;
}

export const isMissing = (error: unknown): boolean => statusOf(error) === NO_SUCH_FILE;
export const isUnsupported = (error: unknown): boolean => statusOf(error) === OP_UNSUPPORTED;

/** Whether the server answered at all. */
export function isAnswer(error: unknown): boolean {
  const status = statusOf(error);
  return status !== undefined && status !== NO_CONNECTION && status !== CONNECTION_LOST;
}

/** An operation that failed, or a connection that was lost over it. */
export function sftpError(verb: "read" | "write", shown: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const fail = (code: ErrorCode, what: string) =>
    new AppError(code, `Cannot ${verb} "${shown}": ${what}`, {
      cause: error,
      ...(code === "unavailable" ? { reason: TRANSFER_CUT } : {}),
    });
  const words = error instanceof Error ? error.message : String(error);
  switch (statusOf(error)) {
    case NO_SUCH_FILE:
      return fail("not_found", verb === "read" ? "there is no such file" : "its folder is gone");
    case PERMISSION_DENIED:
      return fail("forbidden", `the server does not let this user ${verb} it`);
    case OP_UNSUPPORTED:
      return fail("invalid", "the server cannot do this");
    case NO_CONNECTION:
    case CONNECTION_LOST:
      return fail("unavailable", "the connection was lost");
    case undefined:
      return fail("unavailable", `the connection was lost: ${words}`);
    default:
      return fail("invalid", /no space|quota/i.test(words) ? `the server's disk is full: ${words}` : words);
  }
}

/** A connection that was not made. */
export function connectError(server: string, user: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const words = error instanceof Error ? error.message : String(error);
  const level = error instanceof Error && "level" in error ? error.level : undefined;
  const fail = (code: ErrorCode, what: string) =>
    new AppError(code, `Cannot connect to ${server}: ${what}`, {
      cause: error,
      ...(code === "unavailable" ? { reason: TRANSFER_CUT } : {}),
    });
  if (error instanceof Deno.errors.NotCapable) return fail("forbidden", "the run may not connect there");
  if (level === "client-authentication") {
    return fail("unauthorized", `the server does not let ${user} in; check user, password and private key`);
  }
  if (/privateKey|passphrase|Encrypted|decrypt/i.test(words)) {
    return fail("invalid", `the private key: ${words}`);
  }
  if (level === "client-timeout") return fail("unavailable", "it does not answer");
  if (/ECONNREFUSED/.test(words)) return fail("unavailable", "nothing answers there");
  if (/ENOTFOUND|EAI_|lookup/i.test(words)) {
    return fail("unavailable", "there is no address of that name; check host and the name service");
  }
  if (level === "handshake") return fail("invalid", `the two have no way to speak in common: ${words}`);
  return fail("unavailable", words);
}
