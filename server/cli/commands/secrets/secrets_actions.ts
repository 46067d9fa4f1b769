import type { Secrets } from "../../../../engine/control/secrets/port.ts";
import { type Actions, actionsCommand, type ActionsOptions } from "../../actions.ts";
import type { CommandRun } from "../../command.ts";

export type SecretsActions = Actions<{ readonly secrets: Secrets }>;

/** A command on secrets or keys. */
export const secretsCommand = (
  options: Omit<ActionsOptions<{ readonly secrets: Secrets }>, "open">,
): CommandRun =>
  actionsCommand({ ...options, open: async (connection) => ({ secrets: await connection.secrets() }) });
