import * as v from "valibot";
import { Secret } from "../../contract/secret.ts";

/** A server of files over SSH, as connectors.yaml says it. */
export interface SftpConfig {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: Secret | undefined;
  /** PEM or OpenSSH text. */
  readonly privateKey: Secret | undefined;
  /** A file with the same, absolute or relative to the project. */
  readonly privateKeyFile: string | undefined;
  readonly passphrase: Secret | undefined;
  /** Fingerprints of the server's key, one of which it must have. */
  readonly hostKeys: readonly string[];
  /** Paths are relative to it: absolute, or relative to the user's own folder, where it is empty. Without a slash at its end. */
  readonly root: string;
  readonly connectTimeoutMs: number;
}

const DEFAULT_PORT = 22;
const DEFAULT_TIMEOUT_S = 20;
const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
const fingerprint = v.pipe(
  v.string(),
  v.regex(
    /^SHA256:[A-Za-z0-9+/]{43}=?$/,
    "expected a fingerprint, as SHA256: and 43 letters (ssh-keygen -l)",
  ),
);

const entrySchema = v.strictObject({
  host: v.pipe(
    text,
    v.regex(/^[^\s/@]+$/, "expected a host"),
    v.description("The server's name or address."),
  ),
  port: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(65_535),
      v.description(`${DEFAULT_PORT} by default.`),
    ),
    DEFAULT_PORT,
  ),
  user: v.pipe(text, v.description("Who to sign in as.")),
  password: v.optional(v.pipe(text, v.description("Best a reference, as ${secret:FILES_PASSWORD}."))),
  private_key: v.optional(
    v.pipe(text, v.description("A private key's text (OpenSSH or PEM), best a reference.")),
  ),
  private_key_file: v.optional(
    v.pipe(text, v.description("A file with the private key, absolute or relative to the project.")),
  ),
  passphrase: v.optional(v.pipe(text, v.description("What opens the private key."))),
  host_key: v.pipe(
    v.union([fingerprint, v.pipe(v.array(fingerprint), v.minLength(1))]),
    v.description(
      "The fingerprint of the server's key, as SHA256:…; several where it has several, or changes it. What the server shows is told where it is another one.",
    ),
  ),
  root: v.optional(
    v.pipe(
      text,
      v.description("The folder that paths are relative to; the user's own folder on the server by default."),
    ),
  ),
  connect_timeout: v.optional(
    v.pipe(
      v.number(),
      v.minValue(1),
      v.maxValue(600),
      v.description(`Seconds to wait for the server; ${DEFAULT_TIMEOUT_S} by default.`),
    ),
    DEFAULT_TIMEOUT_S,
  ),
});

export const configSchema = v.pipe(
  entrySchema,
  v.check(
    (entry) =>
      [entry.password, entry.private_key, entry.private_key_file].some((given) => given !== undefined),
    "expected a password, a private_key or a private_key_file",
  ),
  v.check(
    (entry) => entry.private_key === undefined || entry.private_key_file === undefined,
    "private_key and private_key_file cannot stand together",
  ),
  v.transform((entry): SftpConfig => ({
    host: entry.host.replace(/^\[(.*)\]$/, "$1"),
    port: entry.port,
    user: entry.user,
    password: secretOf(entry.password),
    privateKey: secretOf(entry.private_key),
    privateKeyFile: entry.private_key_file,
    passphrase: secretOf(entry.passphrase),
    hostKeys: [entry.host_key].flat().map((key) => key.replace(/=$/, "")),
    root: (entry.root ?? "").replace(/\/+$/, "") || (entry.root?.startsWith("/") === true ? "/" : ""),
    connectTimeoutMs: entry.connect_timeout * 1000,
  })),
);

const secretOf = (value: string | undefined) => value === undefined ? undefined : new Secret(value);

export function secretsOf({ password, privateKey, passphrase }: SftpConfig): string[] {
  return [password, privateKey, passphrase].flatMap((secret) =>
    secret === undefined ? [] : [secret.reveal()]
  );
}
