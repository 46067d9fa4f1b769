import { resolve } from "node:path";
import { localActor } from "../../../../contract/audit/actor.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { KeysView } from "../../../../contract/keys/views.ts";
import { formatPlural } from "../../../../text/format.ts";
import type { CommandRun } from "../../command.ts";
import { formatTable } from "../../table.ts";
import { type SecretsActions, secretsCommand } from "./secrets_actions.ts";

const ACTIONS: SecretsActions = {
  async show({ secrets, terminal, isJson }) {
    const keys = await secrets.keys();
    if (isJson) return terminal.out(JSON.stringify(keys));
    terminal.out(keys.key === null ? "No key is here" : `Key ${keys.key.id}, of ${keys.key.source}`);
    if (keys.data_keys.length > 0) terminal.out(dataKeyTable(keys, terminal.tableColumns()));
    else terminal.out("Nothing is sealed yet");
    if (keys.problem !== null) terminal.out(keys.problem);
  },
  async rotate({ secrets, invocation, context, terminal, isJson }) {
    const file = invocation.text("new-key-file");
    const isLost = invocation.flag("lost");
    const path = file === undefined ? undefined : resolve(context.cwd, file);
    const rotation = await secrets.rotate({
      ...(isLost ? { lost: true } : {}),
      ...(path === undefined ? {} : { new_key_file: path }),
    }, localActor());
    if (isJson) return terminal.out(JSON.stringify(rotation));
    const { key, rewrapped, resealed, unreadable, to_apply: toApply } = rotation;
    terminal.out(
      path === undefined
        ? `Sealed ${
          formatPlural(resealed, "text")
        } anew, by the data key ${rotation.data_key}, which the key ${key.id} wraps`
        : `The key ${key.id} wraps ${formatPlural(rewrapped, "data key")} now. Before the next start: ` +
          `SLUICE_KEY_FILE=${path}. Keep the key before for the backups of before`,
    );
    if (unreadable.length > 0) {
      terminal.out(`Could not be opened, and has to be set again: ${unreadable.join(", ")}`);
    }
    if (toApply > 0) {
      terminal.out(
        `${
          formatPlural(toApply, "connector, notifier or revision", "connectors, notifiers and revisions")
        } could not ` +
          "be opened: `sluice apply` writes those in force again, as the project's files have them; so does a server " +
          "by itself",
      );
    }
  },
};

const onStore = secretsCommand({ actions: ACTIONS, reading: ["show"], beside: ["generate"] });

/** `sluice keys [show | rotate | generate]`; generate needs no project. */
export const keys: CommandRun = async (invocation, context) => {
  const [action, file] = invocation.arguments;
  if (action !== "generate") return await onStore(invocation, context);
  const { generateKeyText } = await import("../../../../engine/keys/root_key.ts");
  if (file === undefined) {
    context.terminal.out(generateKeyText());
    return 0;
  }
  const path = resolve(context.cwd, file);
  const { createKeyFile } = await import("../../../../engine/keys/key_file.ts");
  if (!await createKeyFile(path)) {
    throw new AppError(
      "conflict",
      `Cannot make a key in ${path}: there is a file already, which may be a key in use`,
    );
  }
  context.terminal.out(`Made a key in ${path}, which only you can read: keep a copy of it in another place`);
  return 0;
};

function dataKeyTable({ data_keys }: KeysView, columns: number): string {
  return formatTable(
    [{ title: "DATA KEY" }, { title: "MADE" }, { title: "KEY" }, { title: "STATE" }, {
      title: "SEALS",
      minWidth: 10,
    }],
    data_keys.map((one) => [
      one.id,
      one.created_at,
      one.key,
      !one.is_readable ? "its key is not here" : one.is_current ? "current" : "opens only",
      Object.entries(one.seals).map(([kind, count]) => `${kind}: ${count}`).join(", ") || "nothing",
    ]),
    columns,
  );
}
