import { localActor } from "../../../../contract/audit/actor.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { Scope } from "../../../../contract/access/scope.ts";
import type { People } from "../../../../engine/control/people/port.ts";
import { type Actions, actionsCommand } from "../../actions.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { connect, type Connection } from "../../connect.ts";
import { readFolders } from "../../settings.ts";

/** Who a command acts as where no server is asked; a server knows whose token it is. */
export const localName = (): string => localActor().name;

export interface PeopleWork {
  readonly people: People;
  readonly connection: Connection;
}

export type PeopleActions = Actions<PeopleWork>;

/** A command that asks or changes people. */
export const peopleCommand = (
  actions: PeopleActions,
  reading: readonly string[] = ["list", "show"],
): CommandRun =>
  actionsCommand({
    actions,
    reading,
    open: async (connection) => ({ people: await connection.people(), connection }),
  });

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
