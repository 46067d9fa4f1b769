import { AppError } from "../../../contract/errors.ts";

/**
 * Encrypted backups are files of the age format (https://age-encryption.org/v1), so that they open without this program.
 * The library is loaded when one is first written or read.
 */

/** Whom a backup is encrypted for: recipients, or a passphrase. */
export interface BackupRecipients {
  /** Each as `age1…`. */
  readonly recipients: readonly string[];
  readonly passphrase?: string | undefined;
}

/** What opens one. */
export interface BackupIdentities {
  /** Each as `AGE-SECRET-KEY-…`. */
  readonly identities: readonly string[];
  readonly passphrase?: string | undefined;
}

/** Turns an archive into its encrypted form, chunk by chunk. */
export type Encrypt = (
  plain: ReadableStream<Uint8Array>,
) => Promise<ReadableStream<Uint8Array>>;

/** It is attacked without limits by whoever has the file. */
const MIN_PASSPHRASE_LENGTH = 12;
const MAGIC = "age-encryption.org/v1\n";
/** Of what says for whom it is encrypted; the library reads on until it ends. */
const MAX_HEAD_BYTES = 64 * 1024;
const CHUNK_BYTES = 256 * 1024;

/** Throws `invalid` for what nobody could open the backup with, and for a passphrase that is soon guessed. */
export async function backupEncryption({ recipients, passphrase }: BackupRecipients): Promise<Encrypt> {
  if (recipients.length === 0 && passphrase === undefined) {
    throw new AppError(
      "invalid",
      "A backup is encrypted for a recipient or with a passphrase: neither is given",
    );
  }
  if (recipients.length > 0 && passphrase !== undefined) {
    throw new AppError("invalid", "A backup is encrypted for recipients or with a passphrase, not with both");
  }
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (cause) {
      // A secret key in the wrong place must not be repeated.
      const shown = recipient.startsWith("age1") ? `"${recipient}"` : "What is given";
      throw new AppError(
        "invalid",
        `${shown} is no recipient of age: expected one as age1…, with all its letters`,
        {
          cause,
        },
      );
    }
  }
  if (passphrase !== undefined) {
    requireStrong(passphrase);
    encrypter.setPassphrase(passphrase);
  }
  return (plain) => encrypter.encrypt(plain);
}

function requireStrong(passphrase: string): void {
  if ([...passphrase].length >= MIN_PASSPHRASE_LENGTH && new Set(passphrase).size > 4) return;
  throw new AppError(
    "invalid",
    `The passphrase of a backup has at least ${MIN_PASSPHRASE_LENGTH} characters, and not the same ones again and again: ` +
      "five words that do not belong together are good",
  );
}

/** A key pair of age: `identity` opens what is encrypted for `recipient`. */
export async function createIdentity(): Promise<{ identity: string; recipient: string }> {
  const { generateX25519Identity, identityToRecipient } = await import("age-encryption");
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** The identities in a file as `age-keygen` writes it: one a line, comments behind #. Throws `invalid`. */
export function parseIdentities(text: string, source: string): string[] {
  const lines = text.split("\n").map((line) => line.trim());
  const identities = lines.filter((line) => line !== "" && !line.startsWith("#"));
  const wrong = identities.findIndex((line) => !/^AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]+$/.test(line));
  if (identities.length > 0 && wrong === -1) return identities;
  throw new AppError(
    "invalid",
    `${source} is no file of identities of age: expected lines as AGE-SECRET-KEY-1…` +
      (wrong === -1
        ? ", and there is none"
        : `, and line ${lines.indexOf(identities[wrong] ?? "") + 1} is another`),
  );
}

/** For whom the file is encrypted; undefined where it is no file of age. Throws `invalid` for one whose head has no end. */
export async function encryptedFor(path: string): Promise<"passphrase" | "recipients" | undefined> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(MAX_HEAD_BYTES);
  let length = 0;
  for (let read = -1; read !== 0 && length < bytes.length; length += read) {
    read = await file.read(bytes.subarray(length)) ?? 0;
  }
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, length));
  if (!head.startsWith(MAGIC)) return undefined;
  if (!head.includes("\n--- ")) {
    throw new AppError("invalid", `Cannot restore ${path}: its head is damaged: it has no end`);
  }
  return head.startsWith("-> scrypt ", MAGIC.length) ? "passphrase" : "recipients";
}

/**
 * Writes what the backup at `path` holds to `target`, for this user alone; all of it was found to be as it was written
 * when this returns. Throws `invalid` where it does not open, or was changed or cut off.
 */
export async function decryptBackup(
  path: string,
  target: string,
  { identities, passphrase }: BackupIdentities,
  signal: AbortSignal,
): Promise<void> {
  const { Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  for (const identity of identities) {
    try {
      decrypter.addIdentity(identity);
    } catch (cause) {
      throw new AppError("invalid", "An identity of age is not whole: it has to be as age-keygen wrote it", {
        cause,
      });
    }
  }
  if (passphrase !== undefined) decrypter.addPassphrase(passphrase);
  using source = await Deno.open(path);
  let plain: ReadableStream<Uint8Array>;
  try {
    plain = await decrypter.decrypt(chunksOf(source));
  } catch (error) {
    throw openError(path, error, passphrase !== undefined);
  }
  using file = await Deno.open(target, { write: true, createNew: true, mode: 0o600 });
  const reader = plain.getReader();
  for (;;) {
    signal.throwIfAborted();
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw new AppError("invalid", `Cannot restore ${path}: it was changed, or its end is missing`, {
        cause,
      });
    });
    if (done) return;
    for (let at = 0; at < value.length;) at += await file.write(value.subarray(at));
  }
}

/** Leaves the file open. */
function chunksOf(file: Deno.FsFile): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const bytes = new Uint8Array(CHUNK_BYTES);
      const read = await file.read(bytes);
      if (read === null) controller.close();
      else controller.enqueue(bytes.subarray(0, read));
    },
  }, { highWaterMark: 0 });
}

function openError(path: string, cause: unknown, isPassphrase: boolean): AppError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (!/no identity matched/.test(reason)) {
    return new AppError("invalid", `Cannot restore ${path}: its head is damaged: ${reason}`, { cause });
  }
  return new AppError(
    "invalid",
    isPassphrase
      ? `Cannot restore ${path}: it was encrypted with another passphrase`
      : `Cannot restore ${path}: it was encrypted for others; give the file of a fitting identity with --identity`,
    { cause },
  );
}
