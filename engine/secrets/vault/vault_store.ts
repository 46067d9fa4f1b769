import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import { isRecord } from "../../../text/is_record.ts";
import { fieldTexts, numberOf } from "../exact_json.ts";
import { isAllowed } from "../allowed_names.ts";
import {
  type LeaseOffice,
  PLACEHOLDER_DOCUMENT,
  type SecretAsk,
  type SecretDocument,
  type SecretStore,
} from "../secret_store.ts";
import type { VaultClient } from "./client.ts";
import { errorOf, type VaultResponse } from "./http.ts";
import { encodePath, type Mount, Mounts } from "./mounts.ts";
import { dataOf } from "./sign_in.ts";

export interface VaultStoreOptions {
  readonly client: VaultClient;
  readonly clock: Pick<Clock, "now">;
  /** The paths that projects may name, * for any text; undefined: all that the server itself may have. */
  readonly pathsAllow?: readonly string[] | undefined;
}

/** `${vault:path#field}`: KV of both versions, and what other engines give for a GET, leased or not. */
export interface VaultStore extends SecretStore, Omit<LeaseOffice, "place"> {}

/** What no secret is kept in: the server's own token, its policies, the keys of others. */
const NO_SECRETS = ["sys", "auth", "identity", "cubbyhole"];
const NO_SECRET_ENGINES = new Set([
  "system",
  "token",
  "identity",
  "cubbyhole",
  "transit",
  "kmip",
  "transform",
]);
/** Engines whose secrets are somebody's own, and are the same for whoever asks: where such paths begin. */
const STATIC_PATHS = /^(?:static-creds?|static-role|library-?|config)\//;

export function createVaultStore({ client, clock, pathsAllow }: VaultStoreOptions): VaultStore {
  const mounts = new Mounts(client, clock);

  const get = async (path: string, ask: SecretAsk = {}): Promise<SecretDocument | undefined> => {
    if (!isAllowed(path, pathsAllow)) {
      throw new AppError("forbidden", "its path is not among vault_paths_allow of the operator's policy");
    }
    if (NO_SECRETS.includes(path.split("/", 1)[0] ?? "")) throw noSecret();
    const mount = await mounts.of(path);
    const above = mount.path.split("/");
    if (NO_SECRET_ENGINES.has(mount.type) || NO_SECRETS.some((part) => above.includes(part))) {
      throw noSecret();
    }
    const rest = path.slice(mount.path.length);
    if (mount.type === "kv" || mount.type === "generic") {
      return mount.isVersioned
        ? await readVersioned(client, mount, rest, ask.version)
        : await readPlain(client, path, ask.version);
    }
    if (ask.version !== undefined) throw noVersions(mount);
    if (STATIC_PATHS.test(rest)) return await readPlain(client, path, undefined);
    return ask.mayLease === true ? await lease(client, path) : PLACEHOLDER_DOCUMENT;
  };

  return {
    get,

    async renew(id) {
      const response = await client.request({
        method: "PUT",
        path: "sys/leases/renew",
        body: { lease_id: id },
      });
      if (isGone(response)) throw new AppError("not_found", "the lease has ended");
      if (response.status >= 400) throw errorOf(response, "renew a lease");
      const body = isRecord(response.body) ? response.body : {};
      return {
        ttlMs: (numberOf(body["lease_duration"]) ?? 0) * 1_000,
        isRenewable: body["renewable"] === true,
      };
    },

    async revoke(id) {
      // With `sync`, the credentials are gone when it returns, and what goes wrong is told.
      const response = await client.request({
        method: "PUT",
        path: "sys/leases/revoke",
        body: { lease_id: id, sync: true },
      });
      if (isGone(response)) return;
      if (response.status === 403) {
        const message =
          'Vault does not let this server revoke leases: its policy needs path "sys/leases/revoke" ' +
          '{ capabilities = ["update"] }; until then they end by their own time';
        throw new AppError("forbidden", message);
      }
      if (response.status >= 400) throw errorOf(response, "revoke a lease");
    },
  };
}

const noSecret = (): AppError =>
  new AppError("forbidden", "that is no path of a secret: it belongs to Vault itself, or to a key");

const noVersions = ({ path }: Mount): AppError =>
  new AppError("invalid", `the engine at ${path} keeps no versions: leave out ?version=`);

/** Vault says of a lease that it does not know that the request is wrong. */
const isGone = ({ status, body }: VaultResponse): boolean =>
  status === 404 ||
  (status === 400 && /lease (?:is )?not found|invalid lease/i.test(JSON.stringify(body ?? "")));

async function readVersioned(
  client: VaultClient,
  { path }: Mount,
  rest: string,
  version: string | undefined,
): Promise<SecretDocument | undefined> {
  const query = version === undefined ? "" : `?version=${version}`;
  const read = (below: string) =>
    client.request({ method: "GET", path: `${encodePath(path)}data/${encodePath(below)}${query}` });
  // Often written with the data/ of the API, as other tools want it; a secret may have such a name, too.
  const hasData = rest.startsWith("data/");
  let response = await read(hasData ? rest.slice("data/".length) : rest);
  if (hasData && response.status === 404 && !isDeleted(response)) response = await read(rest);
  if (isDeleted(response)) {
    throw new AppError("invalid", "this version of the secret was deleted or destroyed");
  }
  if (response.status === 404) return undefined;
  const fields = fieldTexts(dataOf(response, "give the secret")["data"]);
  return fields === undefined ? undefined : { fields };
}

/** A version that is gone has its history still. */
function isDeleted({ status, body }: VaultResponse): boolean {
  const data = isRecord(body) ? body["data"] : undefined;
  return status === 404 && isRecord(data) && isRecord(data["metadata"]);
}

async function readPlain(
  client: VaultClient,
  path: string,
  version: string | undefined,
): Promise<SecretDocument | undefined> {
  if (version !== undefined) {
    throw new AppError("invalid", "the engine at this path keeps no versions: leave out ?version=");
  }
  const response = await client.request({ method: "GET", path: encodePath(path) });
  if (response.status === 404) return undefined;
  const data = dataOf(response, "give the secret");
  const ttl = numberOf(data["ttl"]);
  const isRotated = data["rotation_period"] !== undefined || data["last_vault_rotation"] !== undefined;
  return {
    fields: fieldTexts(data) ?? {},
    ...(isRotated && ttl !== undefined ? { freshForMs: ttl * 1_000 } : {}),
  };
}

/** Credentials that are made for this request. */
async function lease(client: VaultClient, path: string): Promise<SecretDocument | undefined> {
  const response = await client.request({ method: "GET", path: encodePath(path), isOnce: true });
  if (response.status === 404) return undefined;
  const fields = fieldTexts(dataOf(response, "make credentials")) ?? {};
  const { lease_id: id, lease_duration: seconds, renewable }: Record<string, unknown> =
    isRecord(response.body) ? response.body : {};
  if (typeof id !== "string" || id === "") return { fields };
  return {
    fields,
    lease: {
      id,
      ttlMs: (numberOf(seconds) ?? 0) * 1_000,
      isRenewable: renewable === true,
      endsAnyway: client.endOfToken(),
    },
  };
}
