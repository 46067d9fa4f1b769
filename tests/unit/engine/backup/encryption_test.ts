import assert from "node:assert/strict";
import { join } from "node:path";
import { Decrypter, identityToRecipient } from "age-encryption";
import { BackupArchive } from "../../../../engine/control/backup/backup_archive.ts";
import {
  backupEncryption,
  createIdentity,
  parseIdentities,
} from "../../../../engine/control/backup/encryption.ts";
import { MANIFEST } from "../../../../engine/control/backup/manifest.ts";
import { readBackup, type RestoreContext } from "../../../../engine/control/backup/read_backup.ts";

const CANARY = "row-that-nobody-else-may-read";
const PASSPHRASE = "five words that are strange";
const signal = new AbortController().signal;

/** Backups with one file in them, and an empty data folder. */
class Place implements AsyncDisposable {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  static async create(): Promise<Place> {
    const root = await Deno.makeTempDir({ prefix: "sluice sealed é " });
    await Deno.mkdir(join(root, "new"));
    return new Place(root);
  }

  path(name: string): string {
    return join(this.#root, name);
  }

  /** Returns the bytes of the backup. */
  async write(name: string, whom: Parameters<typeof backupEncryption>[0] | undefined): Promise<Uint8Array> {
    const store = this.path("store");
    // More than the 64 KiB that age seals at once, and none that compresses.
    const noise = crypto.getRandomValues(new Uint8Array(60_000)).toHex();
    await Deno.writeTextFile(store, CANARY + noise + noise);
    {
      using file = await Deno.open(this.path(name), { write: true, createNew: true, mode: 0o600 });
      const archive = new BackupArchive(file, whom && await backupEncryption(whom));
      await archive.add("sluice.db", store);
      const manifest = { format: 1, sluice: "1", created_at: "", schema: 1, files: archive.files };
      await archive.end(MANIFEST, JSON.stringify(manifest));
    }
    await Deno.remove(store);
    return await Deno.readFile(this.path(name));
  }

  restore(name: string, keys?: RestoreContext["keys"]) {
    return readBackup(this.path(name), { dataDir: this.path("new"), schema: 1, signal, keys });
  }

  restored(): string {
    return Deno.readTextFileSync(this.path("new/sluice.db")).slice(0, CANARY.length);
  }

  names(): string[] {
    return Array.from(Deno.readDirSync(this.path("new")), ({ name }) => name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#root, { recursive: true });
  }
}

Deno.test("an encrypted backup opens for each of its recipients, and is a file of age", async () => {
  await using place = await Place.create();
  const [one, two, other] = await Promise.all([createIdentity(), createIdentity(), createIdentity()]);
  const bytes = await place.write("sealed", { recipients: [one.recipient, two.recipient] });
  const text = new TextDecoder("latin1").decode(bytes);
  assert.match(text, /^age-encryption\.org\/v1\n-> X25519 /);
  assert.equal(text.includes(CANARY) || text.includes("sluice.db"), false, "not even a file's name");
  const decrypter = new Decrypter();
  decrypter.addIdentity(one.identity);
  assert.deepEqual(
    [...(await decrypter.decrypt(bytes)).subarray(0, 2)],
    [0x50, 0x4b],
    "a zip archive is in it",
  );

  await assert.rejects(place.restore("sealed"), { code: "invalid", message: /give --identity FILE/ });
  await assert.rejects(place.restore("sealed", { identities: [], passphrase: PASSPHRASE }), {
    message: /give --identity FILE/,
  });
  await assert.rejects(place.restore("sealed", { identities: [other.identity] }), {
    code: "invalid",
    message: /encrypted for others/,
  });
  assert.deepEqual(place.names(), []);
  await place.restore("sealed", { identities: [other.identity, two.identity] });
  assert.deepEqual([place.restored(), place.names()], [CANARY, ["sluice.db"]]);
});

Deno.test("an encrypted backup that was changed or cut off anywhere restores nothing", async () => {
  await using place = await Place.create();
  const { identity, recipient } = await createIdentity();
  const bytes = await place.write("whole", { recipients: [recipient] });
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 500)).indexOf("\n--- ");
  const flipped = (at: number) => bytes.map((byte, index) => index === at ? byte ^ 1 : byte);
  const cases: Record<string, Uint8Array> = {
    "head": flipped(40),
    "mac of the head": flipped(head + 10),
    "nonce": flipped(head + 52),
    "first chunk": flipped(head + 200),
    "last byte": flipped(bytes.length - 1),
    "without its last byte": bytes.subarray(0, -1),
    "without its last chunk": bytes.subarray(0, bytes.length - 70_000),
    "half a head": bytes.subarray(0, head - 20),
    "head only": bytes.subarray(0, head + 48),
    "longer": new Uint8Array([...bytes, 0]),
    "swapped chunks": swapped(bytes, head + 65),
  };
  for (const [name, damaged] of Object.entries(cases)) {
    await Deno.writeFile(place.path(name), damaged);
    await assert.rejects(place.restore(name, { identities: [identity] }), { code: "invalid" }, name);
    assert.deepEqual(place.names(), [], name);
  }
  await place.restore("whole", { identities: [identity] });
  assert.equal(place.restored(), CANARY);
});

Deno.test("a backup is opened with its passphrase, and a weak one is refused", async () => {
  await using place = await Place.create();
  await place.write("sealed", { recipients: [], passphrase: PASSPHRASE });
  await assert.rejects(place.restore("sealed"), { message: /with a passphrase; give --passphrase-stdin/ });
  await assert.rejects(place.restore("sealed", { identities: [], passphrase: "another one that is long" }), {
    code: "invalid",
    message: /another passphrase/,
  });
  await place.restore("sealed", { identities: [], passphrase: PASSPHRASE });
  assert.equal(place.restored(), CANARY);
  for (const passphrase of ["", "short", "aaaaaaaaaaaaaaaa", "éé éé éé éé"]) {
    await assert.rejects(backupEncryption({ recipients: [], passphrase }), { code: "invalid" }, passphrase);
  }
});

Deno.test("a plain backup restores, whatever keys are given", async () => {
  await using place = await Place.create();
  await place.write("plain", undefined);
  await place.restore("plain", { identities: [(await createIdentity()).identity] });
  assert.equal(place.restored(), CANARY);
});

Deno.test("what is no recipient is refused, and a secret in its place is not repeated", async () => {
  const { identity, recipient } = await createIdentity();
  await assert.rejects(backupEncryption({ recipients: [] }), {
    code: "invalid",
    message: /neither is given/,
  });
  await assert.rejects(backupEncryption({ recipients: [recipient.slice(0, -1)] }), {
    code: "invalid",
    message: /"age1.*" is no recipient/,
  });
  await assert.rejects(
    backupEncryption({ recipients: [identity] }),
    (error: Error) => !error.message.includes(identity) && /no recipient/.test(error.message),
  );
  await assert.rejects(
    backupEncryption({ recipients: [recipient], passphrase: PASSPHRASE }),
    /not with both/,
  );
});

Deno.test("identities are read as age-keygen writes them", async () => {
  const { identity, recipient } = await createIdentity();
  assert.equal(await identityToRecipient(identity), recipient);
  assert.deepEqual(parseIdentities(`# created: today\r\n# public key: x\r\n\n${identity}\r\n`, "key.txt"), [
    identity,
  ]);
  assert.throws(() => parseIdentities("# nothing\n", "key.txt"), /key\.txt is no file of identities.*none/);
  assert.throws(() => parseIdentities(`\n${recipient}\n`, "key.txt"), /line 2 is another/);
});

/** Two chunks of age in each other's place. */
function swapped(bytes: Uint8Array, from: number): Uint8Array {
  const size = 64 * 1024 + 16;
  const copy = bytes.slice();
  copy.set(bytes.subarray(from + size, from + 2 * size), from);
  copy.set(bytes.subarray(from, from + size), from + size);
  return copy;
}
