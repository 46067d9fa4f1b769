import { AppError } from "../../../../contract/errors.ts";
import type { Secrets } from "../../../../engine/control/secrets/port.ts";
import { didYouMean } from "../../../../text/suggest.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { connect } from "../../connect.ts";
import { readFolders } from "../../settings.ts";
import type { Terminal } from "../../terminal.ts";

export interface SecretsWork {
  readonly secrets: Secrets;
  readonly invocation: Invocation;
  readonly context: CliContext;
  readonly terminal: Terminal;
  readonly isJson: boolean;
  /** The arguments after the action. Throws invalid where there are too few. */
  need(...names: readonly string[]): readonly string[];
}

/** The actions of a command, by name; the first is the default. */
export type Actions = Readonly<Record<string, (work: SecretsWork) => Promise<void>>>;

/** A command on secrets or keys: its first argument is one of the actions, of which `reading` change nothing. */
export function secretsCommand(
  actions: Actions,
  reading: readonly string[],
  /** Actions of the command that others carry out, for messages. */
  beside: readonly string[] = [],
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
    const need = (...wanted: readonly string[]) => {
      const missing = wanted[rest.length];
      if (missing === undefined) return rest;
      throw new AppError("invalid", `sluice ${invocation.command} ${action} needs ${missing}`);
    };
    const use = reading.includes(action) ? "read" : "change";
    const folders = readFolders(invocation, context);
    await using connection = await connect(folders, context, invocation.command, use);
    await act({
      secrets: await connection.secrets(),
      invocation,
      context,
      terminal: context.terminal,
      isJson: invocation.flag("json"),
      need,
    });
    return 0;
  };
}
