import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "../../contract/clock.ts";
import { createKeyRing } from "../../engine/keys/key_ring.ts";
import { dataKeyIdOf } from "../../engine/keys/sealer.ts";
import { fileStoreUrl, openStore } from "../../engine/store/open.ts";
import { secretPlace } from "../../engine/store/ports/secrets.ts";
import type { Store } from "../../engine/store/store.ts";
import { noVault } from "../support/fake_secrets.ts";
import { sluiceArgs, waitFor } from "../support/sluice_server.ts";
import { TestProject } from "../support/test_project.ts";

/** Enough for a rotation to last a moment. */
const NAMES = Array.from({ length: 300 }, (_, index) => `SECRET_${index}`);
const KILLS = 4;
const PATIENCE_MS = 30_000;

/** The data keys that seal them, each of which opens. */
async function openAll(store: Store, dataDir: string): Promise<Map<string, number>> {
  const { sealer } = ringOf(store, dataDir);
  const counts = new Map<string, number>();
  for (const name of NAMES) {
    const { sealed = "" } = await store.secrets.find(name) ?? {};
    strictEqual(await sealer.open(sealed, secretPlace(name)), `value of ${name}`);
    const id = dataKeyIdOf(sealed) ?? "";
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

const ringOf = (store: Store, dataDir: string) =>
  createKeyRing({
    store: store.dataKeys,
    clock: systemClock,
    dataDir,
    projectDir: join(dataDir, "none"),
    env: () => undefined,
    transit: noVault,
  });

Deno.test("a rotation that is killed while it seals has lost nothing", async () => {
  await using project = await TestProject.create({ "connectors.yaml": "files: { type: file }\n" });
  const { dataDir } = project;
  await Deno.mkdir(dataDir, { mode: 0o700 });
  await using store = await openStore(fileStoreUrl(join(dataDir, "sluice.db")));
  const { sealer } = ringOf(store, dataDir);
  for (const name of NAMES) {
    const sealed = await sealer.seal(`value of ${name}`, secretPlace(name));
    await store.secrets.put({ name, sealed }, "test", Date.now());
  }

  let interrupted = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const known = (await store.dataKeys.list()).length;
    const child = new Deno.Command(Deno.execPath(), {
      args: [...sluiceArgs("keys", "rotate"), "--project", project.projectDir, "--data", dataDir],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const hasBegun = async () => (await store.dataKeys.list()).length > known ? true : undefined;
    ok(await waitFor(hasBegun, PATIENCE_MS));
    await new Promise((resolve) => setTimeout(resolve, kill * 20));
    try {
      child.kill("SIGKILL");
    } catch {
      // It was done before.
    }
    await child.status;
    if ((await openAll(store, dataDir)).size > 1) interrupted++;
  }
  ok(interrupted > 0, "some were killed in the middle");

  const { code, stderr } = await project.sluice("keys", ["rotate"]);
  strictEqual(code, 0, stderr);
  const [current] = await store.dataKeys.list();
  deepStrictEqual([...await openAll(store, dataDir)], [[current?.id, NAMES.length]]);
});
