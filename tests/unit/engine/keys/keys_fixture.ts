import { match, ok, strictEqual } from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import { join } from "node:path";
import type { DataKeyStore } from "../../../../contract/keys/data_keys.ts";
import type { Sealer } from "../../../../contract/keys/sealer.ts";
import { createKeyRing, type KeyRing } from "../../../../engine/keys/key_ring.ts";
import type { KeySourceOptions } from "../../../../engine/keys/key_sources.ts";
import { noVault } from "../../../support/fake_secrets.ts";
import { generateKeyText } from "../../../../engine/keys/root_key.ts";
import { fileStoreUrl, openStore } from "../../../../engine/store/open.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { FakeClock } from "../../../support/fake_clock.ts";

export const failsWith = (code: string, message: RegExp) => (error: unknown) => {
  ok(error instanceof AppError, String(error));
  strictEqual(error.code, code, error.message);
  match(error.message, message);
  return true;
};

/** A store with its data folder, a project beside it, and key rings over them. */
export class KeysFixture implements AsyncDisposable {
  readonly #root = Deno.makeTempDirSync({ prefix: "sluice keys é " });
  readonly clock = new FakeClock("2026-11-27T10:00:00Z");
  readonly dataDir = join(this.#root, "data");
  readonly projectDir = join(this.#root, "project");
  /** As Vault has it. */
  transit: KeySourceOptions["transit"] = noVault;
  #store: Store | undefined;

  constructor() {
    for (const folder of [this.dataDir, this.projectDir]) Deno.mkdirSync(folder);
  }

  /** A path outside of project and data folder. */
  path(name: string): string {
    return join(this.#root, name);
  }

  get keyPath(): string {
    return join(this.dataDir, "sluice.key");
  }

  get storePath(): string {
    return join(this.dataDir, "sluice.db");
  }

  async store(): Promise<Store> {
    const sealer: Sealer = {
      seal: async (...text) => await (await this.ring()).sealer.seal(...text),
      open: async (...sealed) => await (await this.ring()).sealer.open(...sealed),
    };
    return this.#store ??= await openStore(fileStoreUrl(this.storePath), { sealer });
  }

  /** As another process has it. */
  async ring(environment: Readonly<Record<string, string>> = {}, dataKeys?: DataKeyStore): Promise<KeyRing> {
    const store = dataKeys ?? (await this.store()).dataKeys;
    const { clock, dataDir, projectDir, transit } = this;
    return createKeyRing({ store, clock, dataDir, projectDir, env: (name) => environment[name], transit });
  }

  /** A key file that is closed to others; returns its path. */
  async keyFile(name: string, text = generateKeyText(), mode = 0o600): Promise<string> {
    const path = this.path(name);
    await Deno.writeTextFile(path, text);
    await Deno.chmod(path, mode);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store?.[Symbol.asyncDispose]();
    await Deno.remove(this.#root, { recursive: true });
  }
}
