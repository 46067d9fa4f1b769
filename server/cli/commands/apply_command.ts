import { formatFault } from "../../../text/fault.ts";
import type { CommandRun } from "../command.ts";
import { connect } from "../connect.ts";
import { readFolders } from "../settings.ts";
import { printable } from "../text.ts";

/**
 * `sluice apply`: what changed in the project's files, or in those of a commit, and is right is in force. Exit code 2
 * where something is wrong.
 */
export const apply: CommandRun = async (invocation, context) => {
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "change",
  );
  const ref = invocation.text("ref");
  const asked = ref === undefined ? {} : { ref };
  const environment = invocation.text("env");
  const { engine } = connection;
  const result = environment === undefined
    ? await engine.applyProject(asked)
    : await engine.environments.apply(environment, asked);
  const { terminal } = context;
  if (invocation.flag("json")) {
    terminal.out(JSON.stringify(result));
  } else {
    const { source } = result;
    if (source !== undefined) terminal.out(`${source.ref} is ${source.commit.slice(0, 12)}`);
    for (const name of result.applied) terminal.out(`applied    ${name}`);
    for (const name of result.removed) terminal.out(`removed    ${name}`);
    for (const name of result.unchanged) terminal.out(`unchanged  ${name}`);
    for (const fault of result.faults) terminal.note(printable(formatFault(fault)));
  }
  return result.faults.some((fault) => fault.severity === "error") ? 2 : 0;
};
