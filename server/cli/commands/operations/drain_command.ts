import { AppError } from "../../../../contract/errors.ts";
import type { ServerStatus } from "../../../../contract/runs/server_status.ts";
import type { ServerControl } from "../../../../engine/control/services/server_control.ts";
import { formatPlural } from "../../../../text/format.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { connect } from "../../connect.ts";
import { callerName, readDuration, readFolders } from "../../settings.ts";
import { oneLine } from "../../text.ts";

const POLL_MS = 500;

/** `sluice drain [on|off|status]`: whether a server starts runs. Exit code 1 where runs go on when the time is up. */
export const drain: CommandRun = async (invocation, context) => {
  const [action = "on"] = invocation.arguments;
  if (!["on", "off", "status"].includes(action)) {
    throw new AppError("invalid", `"${action}" is nothing to do: expected on, off or status`);
  }
  const waitMs = readDuration(invocation, "wait", "0");
  const folders = readFolders(invocation, context);
  await using connection = await connect(folders, context, invocation.command, "change");
  if (connection.kind === "local") {
    throw new AppError("conflict", `No server uses ${folders.dataDir}: there is nothing to drain`);
  }
  const { server } = connection.engine;
  const by = callerName(context) ?? "the command line";
  if (action === "off") return tell(await server.undrain(by), invocation, context);
  if (action === "status") return tell(await server.status(), invocation, context);
  return tell(await idle(server, await server.drain(by), waitMs, context), invocation, context, waitMs > 0);
};

/** Waits until no run is under way, at most so long. */
async function idle(
  server: ServerControl,
  first: ServerStatus,
  waitMs: number,
  context: CliContext,
): Promise<ServerStatus> {
  const stop = new AbortController();
  using _interrupts = context.onInterrupt(() => stop.abort());
  let status = first;
  for (const untilMs = Date.now() + waitMs; status.running > 0 && Date.now() < untilMs;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    // What has been asked for holds, whether or not somebody waits for it.
    if (stop.signal.aborted) break;
    status = await server.status();
  }
  return status;
}

function tell(
  status: ServerStatus,
  invocation: Invocation,
  { terminal }: CliContext,
  isWaitedFor = false,
): number {
  if (invocation.flag("json")) terminal.out(JSON.stringify(status));
  else {
    const running = `${formatPlural(status.running, "run")} under way`;
    terminal.out(
      status.message === null
        ? `Runs begin; ${running}`
        : `No run begins: ${oneLine(status.message)}; ${running}`,
    );
  }
  return isWaitedFor && status.running > 0 ? 1 : 0;
}
