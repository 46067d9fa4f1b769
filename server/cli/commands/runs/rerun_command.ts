import type { CommandRun } from "../../command.ts";
import { callerName } from "../../settings.ts";
import { applyFirst, connectToWork, requireServerToDetach, showRun, startLocally } from "../run_command.ts";

/** `sluice rerun RUN --from STEP`: a new run for its window and params, of the step and what needs it. */
export const rerun: CommandRun = async (invocation, context) => {
  const [idOrPart = ""] = invocation.arguments;
  const from = invocation.text("from");
  const user = callerName(context);
  await using connection = await connectToWork(invocation, context);
  requireServerToDetach(connection, invocation);
  const { engine } = connection;
  const { id: earlier, pipeline } = await engine.getRun(idOrPart);
  await applyFirst(connection, pipeline);
  await startLocally(connection, pipeline);
  const { id } = await engine.rerunRun(earlier, {
    ...(from === undefined ? {} : { from }),
    ...(user === undefined ? {} : { triggeredBy: user }),
  });
  return await showRun(connection, { id, afterSeq: 0, afterAttempt: 0 }, invocation, context);
};
