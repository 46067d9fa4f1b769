import { resolve } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { createIdentity } from "../../../../engine/control/backup/encryption.ts";
import type { CommandRun } from "../../command.ts";

/** `sluice backup-identity FILE`: what opens encrypted backups goes into FILE, whom they are encrypted for to stdout. */
export const backupIdentity: CommandRun = async (invocation, { cwd, terminal }) => {
  const [name = ""] = invocation.arguments;
  const path = resolve(cwd, name);
  const { identity, recipient } = await createIdentity();
  try {
    using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
    const bytes = new TextEncoder().encode(`# public key: ${recipient}\n${identity}\n`);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.sync();
  } catch (error) {
    const isThere = error instanceof Deno.errors.AlreadyExists;
    const reason = isThere
      ? "there is a file already"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new AppError("invalid", `Cannot write the identity to ${path}: ${reason}`, { cause: error });
  }
  if (invocation.flag("json")) terminal.out(JSON.stringify({ path, recipient }));
  else {
    terminal.note(
      `The identity is in ${path}: whoever has it reads the backups, and without it nobody does.`,
    );
    terminal.note("Keep it away from the server. Backups are made for its recipient:");
    terminal.out(recipient);
  }
  return 0;
};
