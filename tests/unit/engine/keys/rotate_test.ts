import { deepStrictEqual, match, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { getTableConfig, SQLiteTable } from "drizzle-orm/sqlite-core";
import { AppError } from "../../../../contract/errors.ts";
import type { DataKeyStore } from "../../../../contract/keys/data_keys.ts";
import type { SealedPlaces } from "../../../../contract/keys/sealed_places.ts";
import type { KeyRing } from "../../../../engine/keys/key_ring.ts";
import { readKeyStatus } from "../../../../engine/keys/key_status.ts";
import { rotateKeys } from "../../../../engine/keys/rotate.ts";
import { dataKeyIdOf } from "../../../../engine/keys/sealer.ts";
import { SEALED_COLUMNS } from "../../../../engine/store/keys/sealed_places.ts";
import { secretPlace } from "../../../../engine/store/ports/secrets.ts";
import { failsWith, KeysFixture } from "./keys_fixture.ts";

const NAMES = Array.from({ length: 7 }, (_, index) => `SECRET_${index}`);

async function sealAll(keys: KeysFixture, ring: KeyRing, names = NAMES): Promise<void> {
  const { secrets } = await keys.store();
  for (const name of names) {
    const sealed = await ring.sealer.seal(`value of ${name}`, secretPlace(name));
    await secrets.put({ name, sealed }, "test", keys.clock.now());
  }
}

/** That each opens with the keys of a new process; the data keys that seal them. */
async function openAll(
  keys: KeysFixture,
  environment: Record<string, string> = {},
  names = NAMES,
): Promise<Set<string>> {
  const { secrets } = await keys.store();
  const { sealer } = await keys.ring(environment);
  const ids = new Set<string>();
  for (const name of names) {
    const { sealed = "" } = await secrets.find(name) ?? {};
    strictEqual(await sealer.open(sealed, secretPlace(name)), `value of ${name}`);
    ids.add(dataKeyIdOf(sealed) ?? "");
  }
  return ids;
}

Deno.test("a rotation seals everything by a new data key, and the one before opens what it has sealed", async () => {
  await using keys = new KeysFixture();
  const ring = await keys.ring();
  const { sealedPlaces } = await keys.store();
  await sealAll(keys, ring);
  const elsewhere = await ring.sealer.seal("kept in a file", "warehouse/orders");
  const [before = ""] = await openAll(keys);

  const rotation = await rotateKeys(ring, sealedPlaces, {});
  deepStrictEqual([rotation.resealed, rotation.rewrapped, rotation.unreadable], [NAMES.length, 0, []]);
  deepStrictEqual([...await openAll(keys)], [rotation.dataKeyId]);
  notStrictEqual(rotation.dataKeyId, before);
  const other = await keys.ring();
  strictEqual(await other.sealer.open(elsewhere, "warehouse/orders"), "kept in a file");

  const { dataKeys, root, problem } = await readKeyStatus(other, sealedPlaces);
  strictEqual(problem, null);
  strictEqual(root?.id, dataKeys[0]?.rootId);
  deepStrictEqual(
    dataKeys.map(({ id, isCurrent, isReadable, seals }) => [id, isCurrent, isReadable, seals]),
    [[rotation.dataKeyId, true, true, { secrets: NAMES.length }], [before, false, true, {}]],
  );
});

Deno.test("a new root key wraps the data keys in one step, and only it opens them then", async () => {
  await using keys = new KeysFixture();
  const old = { SLUICE_KEY_FILE: await keys.keyFile("old") };
  const ring = await keys.ring(old);
  const { sealedPlaces, secrets } = await keys.store();
  await sealAll(keys, ring);
  await rotateKeys(ring, sealedPlaces, {});
  const sealed = (await secrets.find("SECRET_0"))?.sealed;

  const newRoot = await ring.readNewKey(await keys.keyFile("new"));
  const rotation = await rotateKeys(ring, sealedPlaces, { newRoot });
  ring.adopt(newRoot);
  deepStrictEqual([rotation.rewrapped, rotation.resealed], [2, 0]);
  strictEqual((await secrets.find("SECRET_0"))?.sealed, sealed, "the texts stay as they are");
  await openAll(keys, { SLUICE_KEY_FILE: keys.path("new") });
  await rejects(openAll(keys, old), failsWith("invalid", new RegExp(`The key ${newRoot.id} is wanted`)));

  // This process goes on with the new one, whatever its environment says.
  await rotateKeys(ring, sealedPlaces, {});
  await openAll(keys, { SLUICE_KEY_FILE: keys.path("new") });
});

Deno.test("a key that is named now takes over from the data folder's at the next rotation", async () => {
  await using keys = new KeysFixture();
  await sealAll(keys, await keys.ring());
  const environment = { SLUICE_KEY_FILE: await keys.keyFile("named") };
  const { sealedPlaces } = await keys.store();
  const rotation = await rotateKeys(await keys.ring(environment), sealedPlaces, {});
  deepStrictEqual([rotation.rewrapped, rotation.resealed], [1, NAMES.length]);
  await Deno.remove(keys.keyPath);
  await openAll(keys, environment);
});

Deno.test("a rotation that dies at any write has lost nothing, and another one does the rest", async () => {
  for (let writes = 0;; writes++) {
    await using keys = new KeysFixture();
    await sealAll(keys, await keys.ring());
    const store = await keys.store();
    for (const isAfter of [false, true]) {
      let left = writes;
      const dying =
        <Args extends unknown[], T>(write: (...args: Args) => Promise<T>) => async (...args: Args) => {
          if (left < 0) throw new Error("dead");
          if (left-- === 0) {
            if (isAfter) await write(...args);
            throw new Error("dead");
          }
          return await write(...args);
        };
      const dataKeys: DataKeyStore = {
        list: () => store.dataKeys.list(),
        begin: dying((...args: Parameters<DataKeyStore["begin"]>) => store.dataKeys.begin(...args)),
        rewrap: dying((...args: Parameters<DataKeyStore["rewrap"]>) => store.dataKeys.rewrap(...args)),
      };
      const places = store.sealedPlaces.map((place): SealedPlaces => ({
        kind: place.kind,
        list: (range) => place.list(range),
        // One by one, as if each were a batch of its own.
        async replace(changes) {
          const replace = dying(place.replace);
          for (const change of changes) await replace([change]);
          return changes.length;
        },
      }));
      const ring = await keys.ring({}, dataKeys);
      const attempt = rotateKeys(ring, places, {});
      if (writes > NAMES.length) {
        await attempt;
        deepStrictEqual((await openAll(keys)).size, 1);
        return;
      }
      await rejects(attempt, /dead/);
      await openAll(keys);
    }
    const { dataKeyId } = await rotateKeys(await keys.ring(), store.sealedPlaces, {});
    deepStrictEqual([...await openAll(keys)], [dataKeyId]);
  }
});

Deno.test("what others seal and change during a rotation is kept", async () => {
  await using keys = new KeysFixture();
  await sealAll(keys, await keys.ring());
  const { sealedPlaces, secrets } = await keys.store();
  const [places] = sealedPlaces;
  ok(places !== undefined);
  const other = await keys.ring();
  let isDone = false;
  const meddled: SealedPlaces = {
    ...places,
    async replace(changes) {
      if (!isDone) {
        isDone = true;
        await sealAll(keys, other, ["SECRET_0", "SECRET_6", "SECRET_NEW"]);
        await secrets.remove("SECRET_5");
      }
      return await places.replace(changes);
    },
  };
  await rotateKeys(await keys.ring(), [meddled], {});
  const names = [...NAMES.filter((name) => name !== "SECRET_5"), "SECRET_NEW"];
  strictEqual((await openAll(keys, {}, names)).size, 1);
  strictEqual(await secrets.find("SECRET_5"), undefined);
});

Deno.test("two rotations at the same time: one may be refused, and all opens", async () => {
  await using keys = new KeysFixture();
  await sealAll(keys, await keys.ring());
  const { sealedPlaces } = await keys.store();
  const rings = await Promise.all([keys.ring(), keys.ring(), keys.ring()]);
  const ended = await Promise.allSettled(rings.map((ring) => rotateKeys(ring, sealedPlaces, {})));
  ok(ended.some(({ status }) => status === "fulfilled"));
  for (const end of ended) if (end.status === "rejected") match(String(end.reason), /Another rotation/);
  await openAll(keys);
});

Deno.test("a lost key is given up by name alone, and what it sealed opens again once it is found", async () => {
  await using keys = new KeysFixture();
  await sealAll(keys, await keys.ring());
  const { sealedPlaces, secrets } = await keys.store();
  await rejects(
    rotateKeys(await keys.ring(), sealedPlaces, { isLost: true }),
    failsWith("conflict", /is here/),
  );
  await Deno.rename(keys.keyPath, keys.path("aside"));
  await rejects(rotateKeys(await keys.ring(), sealedPlaces, {}), failsWith("invalid", /is wanted/));

  const ring = await keys.ring();
  const rotation = await rotateKeys(ring, sealedPlaces, { isLost: true });
  deepStrictEqual(rotation.unreadable, NAMES.map((name) => `secrets ${name}`));
  await sealAll(keys, ring, ["SECRET_0"]);
  await openAll(keys, {}, ["SECRET_0"]);
  const { problem, dataKeys } = await readKeyStatus(await keys.ring(), sealedPlaces);
  match(problem ?? "", /is wanted and not here/);
  deepStrictEqual(dataKeys.map(({ isReadable, seals }) => [isReadable, seals["secrets"]]), [[true, 1], [
    false,
    6,
  ]]);

  // Both are here: the one of the data folder, and the one before by its name.
  await openAll(keys, { SLUICE_KEY_FILE: keys.path("aside") });
  ok(await secrets.find("SECRET_6"));
});

/** All tables of the store, wherever they are written down. */
async function allTables(): Promise<SQLiteTable[]> {
  const folder = new URL("../../../../engine/store/", import.meta.url);
  const modules: URL[] = [];
  const look = async (at: URL) => {
    for await (const { name, isDirectory } of Deno.readDir(at)) {
      if (isDirectory) await look(new URL(`${name}/`, at));
      else if (/^(?:schema|\w+_tables)\.ts$/.test(name)) modules.push(new URL(name, at));
    }
  };
  await look(folder);
  const loaded: object[] = await Promise.all(modules.map(({ href }) => import(href)));
  return loaded.flatMap((module) => Object.values(module)).filter((one) => one instanceof SQLiteTable);
}

Deno.test("every column of sealed texts is known to rotations", async () => {
  const known = SEALED_COLUMNS.map(({ table, sealed }) => `${getTableConfig(table).name}.${sealed.name}`);
  const there = (await allTables()).flatMap((table) => {
    const { name, columns } = getTableConfig(table);
    return columns.filter((column) => column.name.startsWith("sealed")).map((column) =>
      `${name}.${column.name}`
    );
  });
  ok(["secrets.sealed", "warehouse_keys.sealed"].every((one) => there.includes(one)), there.join());
  deepStrictEqual(there.filter((column) => !known.includes(column)), []);
});

Deno.test("a key of Vault's transit engine wraps the data keys, and is asked once a process", async () => {
  await using keys = new KeysFixture();
  const asked: string[] = [];
  let isSealed = false;
  keys.transit = (path) =>
    Promise.resolve({
      wrap(bytes, context = "") {
        asked.push(`wrap by ${path}`);
        return Promise.resolve(`vault:v1:${btoa(JSON.stringify([context, [...bytes]]))}`);
      },
      unwrap(wrapped, context) {
        asked.push(`unwrap by ${path}`);
        if (isSealed) return Promise.reject(new AppError("unavailable", "Vault is sealed"));
        const [bound, bytes] = JSON.parse(atob(wrapped.slice("vault:v1:".length)));
        if (bound === context) return Promise.resolve(Uint8Array.from(bytes));
        return Promise.reject(new AppError("invalid", "Vault has not wrapped that"));
      },
    });
  const environment = { SLUICE_KEY_VAULT: "transit/keys/sluice" };
  await sealAll(keys, await keys.ring(environment));
  await openAll(keys, { SLUICE_KEY_VAULT: "transit/sluice" });
  // One of the process that made the data key and opens it, one of the other.
  deepStrictEqual(asked, ["wrap by transit/sluice", "unwrap by transit/sluice", "unwrap by transit/sluice"]);
  await rejects(Deno.stat(keys.keyPath), Deno.errors.NotFound);

  const { sealedPlaces } = await keys.store();
  const rotation = await rotateKeys(await keys.ring(environment), sealedPlaces, {});
  strictEqual(rotation.resealed, NAMES.length);
  isSealed = true;
  await rejects(
    openAll(keys, environment),
    failsWith("unavailable", /Cannot open secret\/SECRET_0: Vault is sealed/),
  );
  await rejects(
    rotateKeys(await keys.ring(environment), sealedPlaces, { isLost: true }),
    failsWith("unavailable", /Vault is sealed/),
  );
});
