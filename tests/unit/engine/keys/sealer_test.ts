import { deepStrictEqual, match, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { generateKeyText } from "../../../../engine/keys/root_key.ts";
import { KeysFixture } from "./keys_fixture.ts";

const failure = (code: string, reason: string | undefined, message: RegExp) => (error: unknown) => {
  ok(error instanceof AppError, String(error));
  deepStrictEqual([error.code, error.reason], [code, reason]);
  match(error.message, message);
  return true;
};

Deno.test("a sealed text opens in its own place alone, and as it was", async () => {
  await using keys = new KeysFixture();
  const { sealer } = await keys.ring();
  const pem = "-----BEGIN PRIVATE KEY-----\r\nMIIé😀\0\n-----END\n\ufeff";
  for (const text of ["", "s3cret", pem, "\ufeffbom", "x".repeat(64 * 1024)]) {
    const sealed = await sealer.seal(text, "secret/SHOP");
    match(sealed, /^sk1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$/);
    strictEqual(await sealer.open(sealed, "secret/SHOP"), text);
    await rejects(sealer.open(sealed, "secret/OTHER"), failure("invalid", "damaged_seal", /secret\/OTHER/));
  }
  notStrictEqual(await sealer.seal("a", "p"), await sealer.seal("a", "p"), "a nonce of its own each");
  await rejects(sealer.seal("\ud800", "p"), failure("invalid", undefined, /lone surrogate/));
});

Deno.test("a sealed text that was changed anywhere is refused", async () => {
  await using keys = new KeysFixture();
  const { sealer } = await keys.ring();
  const sealed = await sealer.seal("s3cret", "p");
  const start = sealed.lastIndexOf(".") + 1;
  for (let at = start; at < sealed.length - 1; at++) {
    const other = sealed[at] === "A" ? "B" : "A";
    const changed = sealed.slice(0, at) + other + sealed.slice(at + 1);
    await rejects(sealer.open(changed, "p"), failure("invalid", "damaged_seal", /was changed/));
  }
  for (const text of ["", "s3cret", "sk1", "sk2" + sealed.slice(3), sealed.slice(0, -4), sealed + "=="]) {
    await rejects(sealer.open(text, "p"), failure("invalid", "damaged_seal", /was changed/));
  }
  await rejects(
    sealer.open(`sk1.00000000.${sealed.slice(start)}`, "p"),
    failure("invalid", "wrong_key", /data key 00000000 .*another store/),
  );
});

Deno.test("another process on the same store opens it, and neither text nor key is in the store", async () => {
  await using keys = new KeysFixture();
  const text = "canary-4711-canary";
  const sealed = await (await keys.ring()).sealer.seal(text, "p");
  const others = await Promise.all([keys.ring(), keys.ring()]);
  for (const { sealer } of others) strictEqual(await sealer.open(sealed, "p"), text);
  const keyText = (await Deno.readTextFile(keys.keyPath)).trim();
  strictEqual((await Deno.stat(keys.keyPath)).mode! & 0o777, 0o600);
  for await (const { name, isFile } of Deno.readDir(keys.dataDir)) {
    if (!isFile || name === "sluice.key") continue;
    const bytes = new TextDecoder("latin1").decode(await Deno.readFile(join(keys.dataDir, name)));
    ok(!bytes.includes(text) && !bytes.includes(keyText), name);
  }
});

Deno.test("two processes that seal first at the same time have one key", async () => {
  await using keys = new KeysFixture();
  const rings = await Promise.all(Array.from({ length: 8 }, () => keys.ring()));
  const sealed = await Promise.all(rings.map(({ sealer }, index) => sealer.seal(`text ${index}`, "p")));
  strictEqual((await (await keys.store()).dataKeys.list()).length, 1);
  for (const [index, text] of sealed.entries()) {
    strictEqual(await rings[(index + 3) % 8]?.sealer.open(text, "p"), `text ${index}`);
  }
  deepStrictEqual(
    (await Array.fromAsync(Deno.readDir(keys.dataDir), ({ name }) => name)).filter((name) =>
      name.startsWith("sluice.key")
    ),
    ["sluice.key"],
  );
});

Deno.test("a lost key is not made anew, and is seen again once it is put back", async () => {
  await using keys = new KeysFixture();
  const ring = await keys.ring();
  const sealed = await ring.sealer.seal("s3cret", "secret/SHOP");
  const id = (await ring.roots.first())?.id ?? "";
  await Deno.rename(keys.keyPath, keys.path("aside"));

  const { sealer } = await keys.ring();
  const isWanted = new RegExp(`Cannot open secret/SHOP: The key ${id} is wanted .*no key is`);
  await rejects(sealer.open(sealed, "secret/SHOP"), failure("invalid", "wrong_key", isWanted));
  await rejects(sealer.seal("more", "secret/SHOP"), failure("unavailable", "wrong_key", /rotate --lost/));
  await rejects(Deno.stat(keys.keyPath), Deno.errors.NotFound);

  await Deno.rename(keys.path("aside"), keys.keyPath);
  strictEqual(await sealer.open(sealed, "secret/SHOP"), "s3cret");
});

Deno.test("a wrong key is named beside the one that is wanted", async () => {
  await using keys = new KeysFixture();
  const first = await keys.ring({ SLUICE_KEY: generateKeyText() });
  const sealed = await first.sealer.seal("s3cret", "p");
  const wanted = (await first.roots.first())?.id;
  const other = await keys.ring({ SLUICE_KEY: generateKeyText() });
  const here = (await other.roots.first())?.id;
  await rejects(
    other.sealer.open(sealed, "p"),
    failure(
      "invalid",
      "wrong_key",
      new RegExp(`key ${wanted} is wanted and not here: SLUICE_KEY is the key ${here}`),
    ),
  );
  await rejects(other.sealer.seal("x", "p"), failure("unavailable", "wrong_key", /is wanted/));
});

Deno.test("the key is taken from the first place that names one", async () => {
  await using keys = new KeysFixture();
  const file = await keys.keyFile("from_file");
  const credentials = keys.path("credentials");
  await Deno.mkdir(credentials);
  await keys.keyFile("credentials/sluice-key", generateKeyText(), 0o400);
  await keys.keyFile("data/sluice.key");
  const environment = {
    SLUICE_KEY_FILE: file,
    SLUICE_KEY: generateKeyText(),
    CREDENTIALS_DIRECTORY: credentials,
  };
  const sourceOf = async (env: Record<string, string>) =>
    (await (await keys.ring(env)).roots.first())?.source;
  match(await sourceOf(environment) ?? "", /^SLUICE_KEY_FILE /);
  const { SLUICE_KEY_FILE: _file, ...second } = environment;
  strictEqual(await sourceOf(second), "SLUICE_KEY");
  match(await sourceOf({ CREDENTIALS_DIRECTORY: credentials }) ?? "", /^systemd's credential /);
  match(await sourceOf({}) ?? "", /^the data folder /);
  // The one that is wanted is found in a later place too.
  const sealed = await (await keys.ring()).sealer.seal("s3cret", "p");
  strictEqual(await (await keys.ring(environment)).sealer.open(sealed, "p"), "s3cret");
});

Deno.test("a key file that is no key, open to others or part of the project is refused", async () => {
  await using keys = new KeysFixture();
  const text = generateKeyText();
  const refused: [string, string, RegExp][] = [
    ["short", await keys.keyFile("short", "c2hvcnQ="), /holds no key: expected 32 random bytes in Base64/],
    ["words", await keys.keyFile("words", "correct horse battery staple"), /holds no key/],
    ["open", await keys.keyFile("open", text, 0o644), /open to other users .*mode 644.*chmod 600/],
    ["writable", await keys.keyFile("writable", text, 0o620), /open to other users/],
    ["large", await keys.keyFile("large", text.padEnd(5_000)), /no key file/],
    ["folder", keys.projectDir, /lies in the project/],
    ["project", await keys.keyFile("project/key", text), /lies in the project/],
    ["missing", keys.path("missing"), /SLUICE_KEY_FILE .*missing\) is not there/],
  ];
  await Deno.symlink(keys.path("project/key"), keys.path("link"));
  refused.push(["link", keys.path("link"), /lies in the project/]);
  for (const [name, path, message] of refused) {
    const { sealer } = await keys.ring({ SLUICE_KEY_FILE: path });
    await rejects(sealer.seal("x", "p"), (error: AppError) => {
      match(error.message, message, name);
      ok(!error.message.includes(text), "the key is not in the message");
      return true;
    });
  }
  deepStrictEqual(await (await keys.store()).dataKeys.list(), [], "nothing was begun with another key");
  for (const fits of [text, `${text}\n`, Uint8Array.fromBase64(text).toHex()]) {
    const path = await keys.keyFile("fits", fits, 0o640);
    strictEqual((await (await keys.ring({ SLUICE_KEY_FILE: path })).roots.first())?.id.length, 16);
  }
});
