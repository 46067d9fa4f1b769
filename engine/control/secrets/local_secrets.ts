import { resolve } from "node:path";
import type { Clock } from "../../../contract/clock.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import { WRONG_KEY } from "../../../contract/keys/sealer.ts";
import { quoteName } from "../../../contract/names.ts";
import {
  type KeysView,
  MAX_SECRET_BYTES,
  type RotationView,
  type SecretView,
} from "../../../contract/keys/views.ts";
import type { KeyRing } from "../../keys/key_ring.ts";
import { readKeyStatus } from "../../keys/key_status.ts";
import { rotateKeys, type Rotation } from "../../keys/rotate.ts";
import { SECRET_NAME_PATTERN } from "../../secrets/references.ts";
import { secretPlace } from "../../store/ports/secrets.ts";
import type { Store } from "../../store/store.ts";
import type { Secrets } from "./port.ts";
import { secretUses } from "./secret_uses.ts";

export interface SecretsContext {
  readonly store: Pick<Store, "secrets" | "sealedPlaces" | "pipelines" | "revisions" | "alerts">;
  readonly keys: KeyRing;
  readonly clock: Pick<Clock, "now">;
}

export function createSecrets({ store, keys, clock }: SecretsContext): Secrets {
  const viewsOf = async (): Promise<SecretView[]> => {
    // Without the key nobody knows; which secrets there are can still be told.
    const uses = await secretUses(store).catch((error) => {
      if (toAppError(error).reason === WRONG_KEY) return new Map<string, string[]>();
      throw error;
    });
    return (await store.secrets.list()).map(({ name, createdAtMs, createdBy, changedAtMs, changedBy }) => ({
      name,
      created_at: isoTime(createdAtMs),
      created_by: createdBy,
      changed_at: isoTime(changedAtMs),
      changed_by: changedBy,
      used_by: uses.get(name) ?? [],
    }));
  };

  return {
    list: viewsOf,

    async put(name, value, by) {
      requireSecretName(name);
      requireValue(name, value);
      const sealed = await keys.sealer.seal(value, secretPlace(name));
      await store.secrets.put({ name, sealed }, by.name, clock.now());
      const view = (await viewsOf()).find((one) => one.name === name);
      if (view === undefined) throw notThere(name);
      return view;
    },

    async remove(name, { isForced }) {
      const users = (await secretUses(store)).get(name) ?? [];
      if (await store.secrets.find(name) === undefined) throw notThere(name);
      if (users.length > 0 && !isForced) {
        throw new AppError(
          "conflict",
          `The secret ${quoteName(name)} is in use: ${users.join(", ")}. ` +
            "Take the references out and apply the project first, or delete it with --force",
        );
      }
      if (!await store.secrets.remove(name)) throw notThere(name);
    },

    async keys() {
      const { root, dataKeys, problem } = await readKeyStatus(keys, store.sealedPlaces);
      return {
        key: root && { id: root.id, source: root.source },
        lies_with_data: root?.liesWithData ?? false,
        data_keys: dataKeys.map((key): KeysView["data_keys"][number] => ({
          id: key.id,
          is_current: key.isCurrent,
          key: key.rootId,
          is_readable: key.isReadable,
          created_at: isoTime(key.createdAtMs),
          retired_at: key.retiredAtMs === null ? null : isoTime(key.retiredAtMs),
          seals: { ...key.seals },
        })),
        problem,
      };
    },

    async rotate({ lost: isLost = false, new_key_file: file }) {
      if (isLost && file !== undefined) {
        throw new AppError(
          "invalid",
          "A lost key is replaced by the one that is here: name no new one with --lost",
        );
      }
      const newRoot = file === undefined ? undefined : await keys.readNewKey(resolve(file));
      const rotation = await rotateKeys(keys, store.sealedPlaces, { isLost, newRoot });
      if (newRoot !== undefined) keys.adopt(newRoot);
      return rotationView(rotation);
    },
  };
}

function rotationView(rotation: Rotation): RotationView {
  const { dataKeyId, root, rewrapped, resealed, unreadable, toApply } = rotation;
  return {
    data_key: dataKeyId,
    key: { id: root.id, source: root.source },
    rewrapped,
    resealed,
    unreadable: [...unreadable],
    to_apply: toApply,
  };
}

function requireSecretName(name: string): void {
  if (SECRET_NAME_PATTERN.test(name)) return;
  throw new AppError(
    "invalid",
    `${
      quoteName(name)
    } is no name for a secret: expected a letter or _, then letters, digits and _.-, 128 at most`,
  );
}

/** The value itself is in no message. */
function requireValue(name: string, value: string): void {
  const bytes = new TextEncoder().encode(value).byteLength;
  if (bytes > 0 && bytes <= MAX_SECRET_BYTES && value.isWellFormed()) return;
  const found = bytes === 0
    ? "it is empty"
    : bytes > MAX_SECRET_BYTES
    ? `it is larger than ${MAX_SECRET_BYTES / 1024} KiB`
    : "it holds half a character (a lone surrogate)";
  throw new AppError("invalid", `Cannot set the secret ${name}: ${found}`);
}

const notThere = (name: string): AppError =>
  new AppError("not_found", `The control store has no secret ${quoteName(name)}`);

const isoTime = (ms: number): string => new Date(ms).toISOString();
