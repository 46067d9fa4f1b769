import { AppError } from "../../../contract/errors.ts";
import { isRecord } from "../../../text/is_record.ts";
import { numberOf } from "../exact_json.ts";
import { errorOf, type VaultHttp, type VaultResponse } from "./http.ts";
import { readSecretText, type VaultAuth } from "./settings.ts";

/** A token of Vault's. */
export interface VaultToken {
  readonly token: string;
  /** From when it was given on, in milliseconds; undefined where it does not end. */
  readonly ttlMs: number | undefined;
  readonly isRenewable: boolean;
  /** Whether this server signed in for it, and so may end it. */
  readonly isOwn: boolean;
}

/** Signs in. A secret id that was unwrapped stays in memory: it is unwrapped once. */
export function createSignIn(http: VaultHttp, auth: VaultAuth): () => Promise<VaultToken> {
  let unwrapped: string | undefined;
  return async () => {
    switch (auth.method) {
      case "token":
        return await lookUp(http, await readSecretText(auth.token, "Vault's token (VAULT_TOKEN_FILE)"));
      case "approle": {
        let secretId = auth.secretId === undefined
          ? undefined
          : unwrapped ?? await readSecretText(auth.secretId, "the secret id (SLUICE_VAULT_SECRET_ID_FILE)");
        if (auth.isWrapped && secretId !== undefined && unwrapped === undefined) {
          secretId = unwrapped = await unwrap(http, secretId);
        }
        const body = { role_id: auth.roleId, ...(secretId === undefined ? {} : { secret_id: secretId }) };
        return await logIn(http, auth, body);
      }
      case "kubernetes":
      case "jwt": {
        const jwt = await readSecretText(auth.jwt, `the token for ${auth.method} (SLUICE_VAULT_JWT_FILE)`);
        return await logIn(http, auth, { role: auth.role, jwt });
      }
    }
  };
}

async function lookUp(http: VaultHttp, token: string): Promise<VaultToken> {
  const response = await http.send({ method: "GET", path: "auth/token/lookup-self", token });
  if (response.status === 403) {
    throw new AppError("unauthorized", "Vault does not know the token of VAULT_TOKEN, or it has ended");
  }
  const data = dataOf(response, "look at its token");
  const ttlMs = (numberOf(data["ttl"]) ?? 0) * 1_000;
  return {
    token,
    ttlMs: ttlMs === 0 ? undefined : ttlMs,
    isRenewable: data["renewable"] === true,
    isOwn: false,
  };
}

async function logIn(
  http: VaultHttp,
  { method, mount }: Exclude<VaultAuth, { method: "token" }>,
  body: Readonly<Record<string, string>>,
): Promise<VaultToken> {
  const path = `auth/${mount.split("/").map(encodeURIComponent).join("/")}/login`;
  const response = await http.send({ method: "POST", path, body, isOnce: true });
  if (response.status >= 400) {
    const { message } = errorOf(response, `let this server in by ${method} at auth/${mount}`);
    throw new AppError("unauthorized", message);
  }
  return { ...tokenOf(response), isOwn: true };
}

/** The token that an answer's `auth` has. Throws `unavailable` where there is none. */
export function tokenOf({ body }: VaultResponse): Omit<VaultToken, "isOwn"> {
  const auth = isRecord(body) && isRecord(body["auth"]) ? body["auth"] : {};
  const token = auth["client_token"];
  if (typeof token !== "string" || token === "") {
    throw new AppError("unavailable", "Vault's answer has no token in it: is it a Vault?");
  }
  const ttlMs = (numberOf(auth["lease_duration"]) ?? 0) * 1_000;
  return { token, ttlMs: ttlMs === 0 ? undefined : ttlMs, isRenewable: auth["renewable"] === true };
}

/** The secret id under a wrapping token, which is good once: where somebody took it before, nobody gets in unseen. */
async function unwrap(http: VaultHttp, token: string): Promise<string> {
  const lookup = await http.send({ method: "POST", path: "sys/wrapping/lookup", body: { token }, token });
  const wrapped = "the token that the secret id is wrapped under";
  if (lookup.status >= 400) {
    throw new AppError("unauthorized", `Vault does not know ${wrapped}: it was used before, or has ended`);
  }
  const creation = dataOf(lookup, "look at a wrapping token")["creation_path"];
  if (typeof creation !== "string" || !/\/role\/[^/]+\/secret-id$/.test(creation)) {
    throw new AppError("unauthorized", `${wrapped} is none of a secret id: somebody may have put it there`);
  }
  const response = await http.send({ method: "POST", path: "sys/wrapping/unwrap", token, isOnce: true });
  const secretId = dataOf(response, "unwrap the secret id")["secret_id"];
  if (typeof secretId === "string") return secretId;
  throw new AppError("unauthorized", `There is no secret id under ${wrapped}`);
}

/** The answer's `data`. Throws the error of its status, `unavailable` where it has none. */
export function dataOf(response: VaultResponse, doing: string): Record<string, unknown> {
  if (response.status >= 400) throw errorOf(response, doing);
  const { body } = response;
  const data = isRecord(body) ? body["data"] : undefined;
  if (isRecord(data)) return data;
  throw new AppError("unavailable", "Vault's answer has no data in it: is it a Vault?");
}
