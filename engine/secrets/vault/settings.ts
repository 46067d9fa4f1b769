import { AppError } from "../../../contract/errors.ts";
import { isThisMachine } from "../../../contract/network/this_machine.ts";
import { readSwitch, type Variables } from "../../../contract/settings/variables.ts";

/** How this server reaches a HashiCorp Vault or OpenBao, and signs in there. */
export interface VaultSettings {
  /** Without a slash at its end. */
  readonly address: string;
  readonly namespace: string | undefined;
  /** A file with the authorities to trust in place of the usual ones, PEM. */
  readonly caFile: string | undefined;
  /** What this server shows of itself: files, PEM. */
  readonly clientCertFile: string | undefined;
  readonly clientKeyFile: string | undefined;
  readonly auth: VaultAuth;
}

export type VaultAuth =
  | { readonly method: "token"; readonly token: SecretText }
  | {
    readonly method: "approle";
    readonly mount: string;
    readonly roleId: string;
    readonly secretId: SecretText | undefined;
    /** It is the token that the secret id was wrapped under. */
    readonly isWrapped: boolean;
  }
  | {
    readonly method: "kubernetes" | "jwt";
    readonly mount: string;
    readonly role: string;
    readonly jwt: SecretText;
  };

/** A text that is given, or a file that is read whenever it is needed. */
export type SecretText = { readonly text: string } | { readonly file: string };

const METHODS = ["token", "approle", "kubernetes", "jwt"] as const;
const KUBERNETES_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/** As the environment says; undefined where it names no address. Throws `invalid` with the variable that is wrong. */
export function readVaultSettings(env: Variables): VaultSettings | undefined {
  const given = (name: string) => env(name) || undefined;
  const either = (name: string) => given(`VAULT_${name}`) ?? given(`BAO_${name}`);
  const address = either("ADDR");
  if (address === undefined) return undefined;
  if (/^(?:1|t|true|yes|on)$/i.test(either("SKIP_VERIFY") ?? "")) {
    throw new AppError(
      "invalid",
      "VAULT_SKIP_VERIFY is set: certificates are always verified; name the authority's file in VAULT_CACERT",
    );
  }
  const clientCertFile = either("CLIENT_CERT");
  const clientKeyFile = either("CLIENT_KEY");
  if ((clientCertFile === undefined) !== (clientKeyFile === undefined)) {
    throw new AppError("invalid", "Set VAULT_CLIENT_CERT and VAULT_CLIENT_KEY both, or neither");
  }
  return {
    address: checkedAddress(address, readSwitch(env, "SLUICE_VAULT_ALLOW_PLAIN")),
    namespace: either("NAMESPACE"),
    caFile: either("CACERT"),
    clientCertFile,
    clientKeyFile,
    auth: authOf(given, either),
  };
}

/** A token over a line that others can read is everybody's. */
function checkedAddress(address: string, allowsPlain: boolean): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (
    url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "" ||
    url.search !== "" || url.hash !== "" || url.pathname !== "/"
  ) {
    throw new AppError("invalid", "VAULT_ADDR is no address as https://vault.example.com:8200");
  }
  if (url.protocol === "http:" && !isThisMachine(url.hostname) && !allowsPlain) {
    throw new AppError(
      "invalid",
      `VAULT_ADDR is ${url.origin}: without TLS anybody on the way reads the token and the secrets. Use https://, ` +
        "or set SLUICE_VAULT_ALLOW_PLAIN=true where the line is your own",
    );
  }
  return url.origin;
}

function authOf(given: Variables, either: Variables): VaultAuth {
  const token = textOf(either("TOKEN"), either("TOKEN_FILE"));
  const roleId = given("SLUICE_VAULT_ROLE_ID");
  const method = given("SLUICE_VAULT_AUTH") ??
    (token !== undefined ? "token" : roleId !== undefined ? "approle" : undefined);
  const mount = given("SLUICE_VAULT_AUTH_PATH")?.replace(/^\/+|\/+$/g, "") ?? method ?? "";
  switch (method) {
    case undefined:
      throw new AppError(
        "invalid",
        "VAULT_ADDR is set, but nothing to sign in with: set VAULT_TOKEN or VAULT_TOKEN_FILE, SLUICE_VAULT_ROLE_ID, or " +
          "SLUICE_VAULT_AUTH=kubernetes or jwt",
      );
    case "token":
      if (token === undefined) throw lacks(method, "VAULT_TOKEN or VAULT_TOKEN_FILE");
      return { method, token };
    case "approle":
      if (roleId === undefined) throw lacks(method, "SLUICE_VAULT_ROLE_ID");
      return {
        method,
        mount,
        roleId,
        secretId: textOf(given("SLUICE_VAULT_SECRET_ID"), given("SLUICE_VAULT_SECRET_ID_FILE")),
        isWrapped: readSwitch(given, "SLUICE_VAULT_SECRET_ID_WRAPPED"),
      };
    case "kubernetes":
    case "jwt": {
      const role = given("SLUICE_VAULT_ROLE");
      if (role === undefined) throw lacks(method, "SLUICE_VAULT_ROLE");
      const jwt = textOf(given("SLUICE_VAULT_JWT"), given("SLUICE_VAULT_JWT_FILE")) ??
        (method === "kubernetes" ? { file: KUBERNETES_TOKEN } : undefined);
      if (jwt === undefined) throw lacks(method, "SLUICE_VAULT_JWT_FILE");
      return { method, mount, role, jwt };
    }
    default:
      throw new AppError(
        "invalid",
        `SLUICE_VAULT_AUTH is "${method}", expected one of ${METHODS.join(", ")}`,
      );
  }
}

const lacks = (method: string, names: string): AppError =>
  new AppError("invalid", `To sign in at Vault by ${method}, set ${names}`);

function textOf(text: string | undefined, file: string | undefined): SecretText | undefined {
  if (file !== undefined) return { file };
  return text === undefined ? undefined : { text };
}

/** The text. Throws `unavailable` where its file cannot be read or is empty. */
export async function readSecretText(secret: SecretText, what: string): Promise<string> {
  if ("text" in secret) return secret.text;
  let text: string;
  try {
    text = (await Deno.readTextFile(secret.file)).trim();
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : "it cannot be read";
    throw new AppError("unavailable", `Cannot read ${what} from ${secret.file}: ${reason}`, { cause: error });
  }
  if (text === "") throw new AppError("unavailable", `${what} in ${secret.file} is empty`);
  return text;
}
