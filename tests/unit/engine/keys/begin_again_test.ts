import { deepStrictEqual, notStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { beginAgain } from "../../../../engine/keys/begin_again.ts";
import { createDataFolderKey } from "../../../../engine/keys/key_sources.ts";
import { readKeyStatus } from "../../../../engine/keys/key_status.ts";
import { generateKeyText } from "../../../../engine/keys/root_key.ts";
import { rotateKeys } from "../../../../engine/keys/rotate.ts";
import { secretPlace } from "../../../../engine/store/ports/secrets.ts";
import { revision } from "../store/store_fixture.ts";
import { failsWith, KeysFixture } from "./keys_fixture.ts";

/** A key that is not here, and what the project's files bring back of what it sealed. */

const SHOP = { type: "postgres", password: "hunter2" } as const;
const IN_FORCE = revision({ id: "r1", connectors: { shop: SHOP } });

async function fill(keys: KeysFixture): Promise<void> {
  const store = await keys.store();
  await store.pipelines.putConnectors({ shop: SHOP });
  await store.alerts.putNotifiers({ chat: { type: "slack", url: "https://a.example/b" } }, new Set());
  await store.revisions.save(IN_FORCE, []);
  await store.revisions.save(revision({ id: "old", connectors: { shop: { type: "postgres" } } }), []);
}

const begin = async (keys: KeysFixture, environment: Record<string, string> = {}) =>
  await beginAgain(await keys.ring(environment), (await keys.store()).sealedPlaces);

Deno.test("another key begins where the wanted one is missing and sealed nothing but what files bring back", async () => {
  await using keys = new KeysFixture();
  const store = await keys.store();
  strictEqual(await begin(keys), undefined, "nothing is sealed");
  await fill(keys);
  strictEqual(await begin(keys), undefined, "the key is here");
  await Deno.rename(keys.keyPath, keys.path("aside"));
  strictEqual(await begin(keys, { SLUICE_KEY: generateKeyText() }), undefined, "another is named");
  await rejects(store.pipelines.connectors(), failsWith("invalid", /connector\/shop: The key .* not here/));

  notStrictEqual(await begin(keys), undefined);
  strictEqual(await begin(keys), undefined, "once");
  await fill(keys);
  deepStrictEqual(await store.pipelines.connectors(), { shop: SHOP });
  deepStrictEqual(await store.revisions.connectors("r1"), { shop: SHOP });

  // What was sealed before opens with the key of before, and what is sealed now with the one of now.
  await store.revisions.save(revision({ id: "new", connectors: { shop: SHOP } }), []);
  const both = await keys.ring({ SLUICE_KEY_FILE: keys.path("aside") });
  const { problem } = await readKeyStatus(both, store.sealedPlaces);
  strictEqual(problem, null);
});

Deno.test("no key begins by itself where a secret is sealed by the missing one", async () => {
  await using keys = new KeysFixture();
  const { secrets } = await keys.store();
  await fill(keys);
  const sealed = await (await keys.ring()).sealer.seal("x", secretPlace("PASSWORD"));
  await secrets.put({ name: "PASSWORD", sealed }, "test", 0);
  await Deno.remove(keys.keyPath);
  strictEqual(await begin(keys), undefined);
  await rejects(Deno.stat(keys.keyPath), Deno.errors.NotFound);
});

Deno.test("a start that dies after it has made the key goes on with that one", async () => {
  await using keys = new KeysFixture();
  await fill(keys);
  await Deno.remove(keys.keyPath);
  await createDataFolderKey(keys.dataDir);
  const { id } = await (await keys.ring()).roots.first() ?? {};
  strictEqual((await begin(keys))?.id, id);
  await fill(keys);
});

Deno.test("after a lost key what files bring back is counted, and older revisions are no problem", async () => {
  await using keys = new KeysFixture();
  const store = await keys.store();
  await fill(keys);
  await Deno.remove(keys.keyPath);
  const rotation = await rotateKeys(await keys.ring(), store.sealedPlaces, { isLost: true });
  deepStrictEqual([rotation.resealed, rotation.unreadable, rotation.toApply], [0, [], 4]);
  notStrictEqual((await readKeyStatus(await keys.ring(), store.sealedPlaces)).problem, null);

  await store.pipelines.putConnectors({ shop: SHOP });
  await store.alerts.putNotifiers({}, new Set());
  await store.revisions.save(IN_FORCE, []);
  const { problem, dataKeys } = await readKeyStatus(await keys.ring(), store.sealedPlaces);
  strictEqual(problem, null);
  deepStrictEqual(dataKeys.map(({ isReadable, seals }) => [isReadable, seals]), [
    [true, { connectors: 1, revisions: 1 }],
    [false, { revisions: 1 }],
  ]);
  await rejects(
    store.revisions.connectors("old"),
    failsWith("invalid", /revision\/old: The key .* not here/),
  );
});

Deno.test("a rotation seals connectors, notifiers and revisions anew", async () => {
  await using keys = new KeysFixture();
  const store = await keys.store();
  await fill(keys);
  const rotation = await rotateKeys(await keys.ring(), store.sealedPlaces, {});
  deepStrictEqual([rotation.resealed, rotation.unreadable, rotation.toApply], [4, [], 0]);
  const { dataKeys } = await readKeyStatus(await keys.ring(), store.sealedPlaces);
  deepStrictEqual(dataKeys.map(({ seals }) => seals), [{ connectors: 1, notifiers: 1, revisions: 2 }, {}]);
  deepStrictEqual(await store.revisions.connectors("r1"), { shop: SHOP });
});
