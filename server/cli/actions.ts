import { AppError } from "../../contract/errors.ts";
import { didYouMean } from "../../text/suggest.ts";
import type { CliContext, CommandRun, Invocation } from "./command.ts";
import { connect, type Connection } from "./connect.ts";
import { readFolders } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

/** What an action of a command is handed. */
export interface ActionWork {
  readonly invocation: Invocation;
  readonly context: CliContext;
  readonly terminal: Terminal;
  readonly isJson: boolean;
  /** The arguments after the action. Throws invalid where there are too few. */
  need(...names: readonly string[]): readonly string[];
}

/** The actions of a command, by name; the first is the default. */
export type Actions<Work> = Readonly<Record<string, (work: Work & ActionWork) => Promise<void>>>;

export interface ActionsOptions<Work> {
  readonly actions: Actions<Work>;
  /** Those that change nothing. */
  readonly reading: readonly string[];
  /** Actions of the command that others carry out, for messages. */
  readonly beside?: readonly string[];
  /** What all of them work on. */
  readonly open: (connection: Connection) => Promise<Work>;
}

/** A command whose first argument is one of its actions. */
export function actionsCommand<Work>(
  { actions, reading, beside = [], open }: ActionsOptions<Work>,
): CommandRun {
  const names = [...Object.keys(actions), ...beside];
  return async (invocation, context) => {
    const [action = names[0] ?? "", ...rest] = invocation.arguments;
    const act = Object.hasOwn(actions, action) ? actions[action] : undefined;
    if (act === undefined) {
      throw new AppError(
        "invalid",
        `sluice ${invocation.command} ${action}: expected ${names.join(", ")}${didYouMean(action, names)}`,
      );
    }
    const use = reading.includes(action) ? "read" : "change";
    await using connection = await connect(
      readFolders(invocation, context),
      context,
      invocation.command,
      use,
    );
    await act({
      ...await open(connection),
      invocation,
      context,
      terminal: context.terminal,
      isJson: invocation.flag("json"),
      need(...wanted) {
        const missing = wanted[rest.length];
        if (missing === undefined) return rest;
        throw new AppError("invalid", `sluice ${invocation.command} ${action} needs ${missing}`);
      },
    });
    return 0;
  };
}
