import { AppError } from "../../../../contract/errors.ts";
import { LOCAL_TOKEN_NAME } from "../../../../contract/names.ts";
import type { Scope } from "../../../../contract/access/scope.ts";
import type { People } from "../../../../engine/control/people/port.ts";
import { didYouMean } from "../../../../text/suggest.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { connect } from "../../connect.ts";
import { readFolders } from "../../settings.ts";
import type { SecretInput } from "../../secret_input.ts";
import type { Terminal } from "../../terminal.ts";

/** Who a command acts as where no server is asked: whoever may write the data folder. */
export const BY = LOCAL_TOKEN_NAME;

export interface PeopleWork {
  readonly people: People;
  readonly invocation: Invocation;
  readonly terminal: Terminal;
  readonly secretInput: SecretInput;
  readonly isJson: boolean;
  /** The arguments after the action. Throws invalid where there are too few. */
  need(...names: readonly string[]): readonly string[];
}

/** The actions of a command, by name; the first is the default. */
export type Actions = Readonly<Record<string, (work: PeopleWork) => Promise<void>>>;

/** A command that asks or changes people: its first argument is one of the actions. */
export function peopleCommand(actions: Actions, reading: readonly string[] = ["list", "show"]): CommandRun {
  const names = Object.keys(actions);
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
    return await withPeople(invocation, context, use, (people) =>
      act({
        people,
        invocation,
        terminal: context.terminal,
        secretInput: context.secretInput,
        isJson: invocation.flag("json"),
        need,
      }));
  };
}

export async function withPeople(
  invocation: Invocation,
  context: CliContext,
  use: "read" | "change",
  work: (people: People) => Promise<void>,
): Promise<number> {
  const folders = readFolders(invocation, context);
  await using connection = await connect(folders, context, invocation.command, use);
  await work(await connection.people());
  return 0;
}

/** What `--pipeline`, `--tag` or `--connector` name; all without them. Throws invalid for two of them. */
export function readScope(invocation: Invocation): Scope | undefined {
  const named = (["pipeline", "tag", "connector"] as const).flatMap((kind) => {
    const name = invocation.text(kind);
    return name === undefined ? [] : [{ kind, name }];
  });
  if (named.length <= 1) return named[0];
  throw new AppError("invalid", "A grant is over one of --pipeline, --tag and --connector: make two grants");
}
