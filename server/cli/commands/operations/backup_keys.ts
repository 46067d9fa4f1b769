import { resolve } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import {
  type BackupIdentities,
  type BackupRecipients,
  parseIdentities,
} from "../../../../engine/control/backup/encryption.ts";
import type { CliContext, Invocation } from "../../command.ts";
import type { SecretInput } from "../../secret_input.ts";

/** Whom all backups are encrypted for, where nothing else is said: recipients of age with spaces or commas between. */
export const RECIPIENTS_VARIABLE = "SLUICE_BACKUP_RECIPIENTS";

const MAX_IDENTITY_FILE_BYTES = 64 * 1024;

/** Whom the backup is encrypted for; undefined for a plain one. Throws `invalid`. */
export async function readRecipients(
  invocation: Invocation,
  { env, secretInput }: Pick<CliContext, "env" | "secretInput">,
): Promise<BackupRecipients | undefined> {
  const given = invocation.list("recipient");
  const usual = (env(RECIPIENTS_VARIABLE) ?? "").split(/[\s,]+/).filter((text) => text !== "");
  if (invocation.flag("passphrase-stdin")) {
    return { recipients: given, passphrase: await readPassphrase(secretInput) };
  }
  const recipients = given.length > 0 ? given : usual;
  if (recipients.length > 0) return { recipients };
  if (!invocation.flag("encrypt")) return undefined;
  throw new AppError(
    "invalid",
    "--encrypt needs to know for whom: give --recipient age1…, set " + RECIPIENTS_VARIABLE +
      ", or give --passphrase-stdin. `sluice backup-identity FILE` makes a pair of keys",
  );
}

/** What the backup is opened with; undefined where nothing is given. Throws `invalid`. */
export async function readIdentities(
  invocation: Invocation,
  { cwd, secretInput }: Pick<CliContext, "cwd" | "secretInput">,
): Promise<BackupIdentities | undefined> {
  const files = invocation.list("identity");
  const isAsked = invocation.flag("passphrase-stdin");
  if (files.length === 0 && !isAsked) return undefined;
  const identities: string[] = [];
  for (const file of files) identities.push(...await readIdentityFile(resolve(cwd, file)));
  return { identities, ...(isAsked ? { passphrase: await readPassphrase(secretInput) } : {}) };
}

async function readIdentityFile(path: string): Promise<string[]> {
  let text: string;
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile || size > MAX_IDENTITY_FILE_BYTES) {
      throw new AppError("invalid", `${path} is no file of identities`);
    }
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof AppError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("invalid", `Cannot read the identities in ${path}: ${reason}`, { cause: error });
  }
  return parseIdentities(text, path);
}

/** The first line of stdin: an argument would be seen by all users of the machine. */
async function readPassphrase(input: SecretInput): Promise<string> {
  const passphrase = await input.readLine();
  if (passphrase !== "") return passphrase;
  throw new AppError("invalid", "--passphrase-stdin expects the passphrase as the first line of stdin");
}
