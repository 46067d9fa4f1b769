import type postgres from "postgres";
import { quoteIdentifier } from "../../../contract/sql.ts";
import { answer, found, refused, type VaultAnswer, type VaultQuery } from "./answers.ts";

/** Credentials that were made for a request. */
export interface NewLease {
  readonly data: Record<string, unknown>;
  readonly ttlMs: number;
  readonly maxTtlMs: number;
  readonly isRenewable: boolean;
  readonly revoke: () => Promise<void>;
}

export interface Engine {
  readonly type: string;
  readonly options: Readonly<Record<string, string>> | null;
  /** Undefined where there is nothing at the path. */
  answer(query: VaultQuery): Promise<VaultAnswer | { readonly lease: NewLease } | undefined>;
}

type Fields = Readonly<Record<string, unknown>>;

const unsupported = (): VaultAnswer => refused(405, "1 error occurred:\n\t* unsupported operation\n\n");

function kv1(secrets: Record<string, Fields>) {
  return {
    type: "kv",
    options: { version: "1" },
    secrets,
    answer({ method, path }: VaultQuery) {
      if (method !== "GET") return Promise.resolve(unsupported());
      const fields = secrets[path];
      return Promise.resolve(fields === undefined ? undefined : found(fields));
    },
  };
}

/** Each secret with its versions; null for one that was deleted. */
function kv2(secrets: Record<string, (Fields | null)[]>) {
  return {
    type: "kv",
    options: { version: "2" },
    secrets,
    answer({ method, path, search }: VaultQuery) {
      if (!path.startsWith("data/")) return Promise.resolve(undefined);
      if (method !== "GET") return Promise.resolve(unsupported());
      const versions = secrets[path.slice("data/".length)];
      const version = Number(search.get("version") ?? versions?.length ?? 0);
      const data = versions?.[version - 1];
      if (data === undefined) return Promise.resolve(undefined);
      const metadata = {
        version,
        deletion_time: data === null ? "2026-01-01T00:00:00Z" : "",
        destroyed: false,
      };
      return Promise.resolve({ status: data === null ? 404 : 200, body: answer({ data, metadata }) });
    },
  };
}

export interface DatabaseRole {
  readonly ttlMs: number;
  readonly maxTtlMs: number;
  readonly isRenewable?: boolean;
}

/** Makes real users of a PostgreSQL, who may read and write in its database. */
function database(sql: postgres.Sql, roles: Record<string, DatabaseRole>) {
  return {
    type: "database",
    options: null,
    /** The users that are there. */
    users: new Set<string>(),
    /** Those and all that were. */
    made: [] as string[],
    async answer({ method, path }: VaultQuery) {
      const [kind, name = ""] = path.split("/");
      if (method !== "GET") return unsupported();
      const role = roles[name];
      if (kind !== "creds" || role === undefined) return refused(400, `unknown role: ${name}`);
      const username = `v-test-${name}-${crypto.randomUUID().slice(0, 13)}`;
      const password = `${crypto.randomUUID()}-A1`;
      const user = quoteIdentifier(username);
      await sql.unsafe(
        // Of its own database alone: others change the members of roles at the same time.
        `CREATE ROLE ${user} LOGIN PASSWORD '${password}'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${user}`,
      );
      this.users.add(username);
      this.made.push(username);
      let dropping: Promise<void> | undefined;
      const drop = async () => {
        try {
          await sql.unsafe(`DROP OWNED BY ${user}; DROP ROLE ${user}`);
          this.users.delete(username);
        } catch (error) {
          dropping = undefined;
          throw error;
        }
      };
      const revoke = () => dropping ??= drop();
      return { lease: { data: { username, password }, isRenewable: true, ...role, revoke } };
    },
  };
}

/** Wraps by a key of its own, bound to the associated data. */
function transit(keys: Record<string, CryptoKey>) {
  return {
    type: "transit",
    options: null,
    async answer({ method, path, body }: VaultQuery) {
      const [action = "", name = ""] = path.split("/");
      if (method !== "POST" && method !== "PUT") return unsupported();
      const key = keys[name];
      if (key === undefined) return refused(400, "encryption key not found");
      const bytes = (field: string) => Uint8Array.fromBase64(String(body[field] ?? ""));
      if (action === "rewrap" && body["associated_data"] !== undefined) {
        return refused(400, "cipher: message authentication failed");
      }
      const additionalData = bytes("associated_data");
      const decrypt = async () => {
        const whole = Uint8Array.fromBase64(String(body["ciphertext"]).replace(/^vault:v1:/, ""));
        const params = { name: "AES-GCM", iv: whole.slice(0, 12), additionalData };
        return new Uint8Array(await crypto.subtle.decrypt(params, key, whole.slice(12)));
      };
      const encrypt = async (plain: Uint8Array<ArrayBuffer>) => {
        const iv = crypto.getRandomValues(new Uint8Array(12));
        const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, plain);
        return `vault:v1:${new Uint8Array([...iv, ...new Uint8Array(sealed)]).toBase64()}`;
      };
      try {
        if (action === "encrypt") {
          return found({ ciphertext: await encrypt(bytes("plaintext")), key_version: 1 });
        }
        if (action === "decrypt") return found({ plaintext: (await decrypt()).toBase64() });
        if (action === "rewrap") return found({ ciphertext: await encrypt(await decrypt()), key_version: 1 });
      } catch {
        return refused(400, "cipher: message authentication failed");
      }
      return undefined;
    },
  };
}

export const engineTypes = { kv1, kv2, database, transit };
