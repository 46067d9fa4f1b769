import type { CommandRun } from "../command.ts";
import { connect } from "../connect.ts";
import { readFolders } from "../settings.ts";
import { formatTime } from "../text.ts";

/** `sluice pause PIPELINE`: its schedule starts no runs until it is resumed. */
export const pause: CommandRun = (invocation, context) => setPaused(true, invocation, context);

/** `sluice resume PIPELINE`: its schedule starts runs again; what was due meanwhile is not made up for. */
export const resume: CommandRun = (invocation, context) => setPaused(false, invocation, context);

const setPaused = async (
  isPaused: boolean,
  ...[invocation, context]: Parameters<CommandRun>
): Promise<number> => {
  const [name = ""] = invocation.arguments;
  const { terminal } = context;
  const folders = readFolders(invocation, context);
  await using connection = await connect(folders, context, invocation.command, "change");
  const pipeline = await connection.engine.setPaused(name, isPaused);
  if (invocation.flag("json")) terminal.out(JSON.stringify(pipeline));
  else if (pipeline.schedule === null && (pipeline.after !== null || pipeline.sensors.length > 0)) {
    terminal.out(
      isPaused ? `Paused ${name}: it does not start by itself` : `Resumed ${name}: it starts by itself again`,
    );
  } else if (pipeline.schedule === null) {
    terminal.out(`${isPaused ? "Paused" : "Resumed"} ${name}, which has no schedule`);
  } else if (isPaused) terminal.out(`Paused ${name}: its schedule starts no runs`);
  else terminal.out(`Resumed ${name}: its next run is at ${formatTime(pipeline.next_run_at)} UTC`);
  return 0;
};
