import type { Host, SessionOptions, TargetSession } from "./connection_options.ts";
import { runCommand, TextQuery } from "./commands.ts";
import { closeClient, type OpenClient, openClient } from "./open_client.ts";
import { ConnectionLostError, ServerError } from "./server_error.ts";

/**
 * Connects to the first host that accepts the session and is of the wanted kind. A server that
 * refuses the user or the database ends the search, as libpq has it: the next would be asked the same.
 * Throws ConnectionLostError, HandshakeError, ServerError, or the signal's reason.
 */
export async function connectToAny(options: SessionOptions, signal: AbortSignal): Promise<OpenClient> {
  const passes: readonly TargetSession[] = options.targetSession === "prefer-standby"
    ? ["standby", "any"]
    : [options.targetSession];
  const failures: { readonly host: Host; readonly error: Error }[] = [];
  for (const wanted of passes) {
    failures.length = 0;
    for (const host of options.hosts) {
      try {
        return await connectTo(options, host, wanted, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Error) || !mayTryNext(error)) throw error;
        failures.push({ host, error });
      }
    }
  }
  throw allFailed(failures);
}

async function connectTo(
  options: SessionOptions,
  host: Host,
  wanted: TargetSession,
  signal: AbortSignal,
): Promise<OpenClient> {
  const opened = await openClient(options, host, signal);
  if (wanted === "any") return opened;
  const { isStandby, isReadOnly } = await kindOfSession(opened, options, signal);
  if (isWanted(wanted, { isStandby, isReadOnly })) return opened;
  await closeClient(opened);
  const met = `${isStandby ? "a standby" : "the primary"}${isReadOnly ? ", read-only" : ""}`;
  throw new ConnectionLostError(`it is ${met}, and target_session_attrs is ${wanted}`);
}

/** Whether it is about this server only. */
function mayTryNext(error: Error): boolean {
  if (error instanceof ServerError) return /^(?:57P|53)/.test(error.fields.code);
  return error instanceof ConnectionLostError;
}

interface SessionKind {
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
}

/** In as much time as connecting has. Where it fails, the client is closed. */
async function kindOfSession(
  opened: OpenClient,
  { connectTimeoutMs }: SessionOptions,
  signal: AbortSignal,
): Promise<SessionKind> {
  const query = new TextQuery(
    "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only') = 'on'",
  );
  const late = new ConnectionLostError(`no answer within ${connectTimeoutMs / 1000} s`);
  const stop = AbortSignal.any([signal, AbortSignal.timeout(connectTimeoutMs)]);
  const abort = () => opened.connection.abandon(late);
  stop.addEventListener("abort", abort, { once: true });
  try {
    await runCommand(opened, query);
  } catch (error) {
    opened.connection.abandon(late);
    throw error;
  } finally {
    stop.removeEventListener("abort", abort);
  }
  const [isStandby, isReadOnly] = query.rows[0] ?? [];
  return { isStandby: isStandby === "t", isReadOnly: isReadOnly === "t" };
}

function isWanted(wanted: TargetSession, { isStandby, isReadOnly }: SessionKind): boolean {
  switch (wanted) {
    case "any":
    case "prefer-standby":
      return true;
    case "read-write":
      return !isReadOnly;
    case "read-only":
      return isReadOnly;
    case "primary":
      return !isStandby;
    case "standby":
      return isStandby;
  }
}

function allFailed(failures: readonly { readonly host: Host; readonly error: Error }[]): Error {
  const [first] = failures;
  if (first === undefined) return new ConnectionLostError("no host is configured");
  if (failures.length === 1) return first.error;
  const told = failures.map(({ host, error }) => `${host.host}:${host.port}: ${error.message}`).join("; ");
  return new ConnectionLostError(`none of ${failures.length} hosts would do: ${told}`, {
    cause: first.error,
  });
}
