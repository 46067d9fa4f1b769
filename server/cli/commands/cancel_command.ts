import type { CommandRun } from "../command.ts";
import { connect } from "../connect.ts";
import { callerName, readFolders } from "../settings.ts";

/** `sluice cancel RUN`: a queued run ends at once, a running one as soon as its step lets go. */
export const cancel: CommandRun = async (invocation, context) => {
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "change",
  );
  const run = await connection.engine.cancelRun(
    invocation.arguments[0] ?? "",
    callerName(context) ?? "the command line",
  );
  if (invocation.flag("json")) context.terminal.out(JSON.stringify(run));
  else context.terminal.out(run.state === "running" ? `Stopping ${run.id}` : `${run.id} is ${run.state}`);
  return 0;
};
