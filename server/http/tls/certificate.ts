import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { AppError } from "../../../contract/errors.ts";

/** Where the server's certificate and its key are. Absolute. */
export interface CertificateFiles {
  readonly certPath: string;
  readonly keyPath: string;
}

/** A certificate with its chain and its key, which belong together. */
export interface ServerCertificate {
  /** PEM: the server's own first, then those who vouch for it. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
  readonly subject: string;
  /** The names and addresses that it is for, as `sluice.example.com, 10.0.0.7`. */
  readonly names: string;
  readonly validFromMs: number;
  readonly expiresAtMs: number;
  /** What is odd and works all the same, each in a sentence. */
  readonly warnings: readonly string[];
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Throws `invalid` where a file cannot be read, holds something else, or the two do not belong together. */
export async function readServerCertificate(files: CertificateFiles): Promise<ServerCertificate> {
  const [certText, keyText, keyMode] = await Promise.all([
    readText("certificate", files.certPath),
    readText("key", files.keyPath),
    Deno.stat(files.keyPath).then(({ mode }) => mode ?? 0, () => 0),
  ]);
  const key = parseKey(keyText, files.keyPath);
  const chain = parseChain(certText, files.certPath);
  const [own] = chain;
  requireOwnFirst(chain, key, files);
  const text = key.export({ type: "pkcs8", format: "pem" });
  return {
    cert: certText,
    key: typeof text === "string" ? text : new TextDecoder().decode(text),
    subject: own.subject.replaceAll("\n", ", "),
    names: namesOf(own),
    validFromMs: own.validFromDate.getTime(),
    expiresAtMs: own.validToDate.getTime(),
    warnings: [...orderWarnings(chain, files), ...modeWarnings(keyMode, files)],
  };
}

/** What the certificate's time says against it at this moment, its last days included; undefined where nothing. */
export function expiryWarning(
  { validFromMs, expiresAtMs }: Pick<ServerCertificate, "validFromMs" | "expiresAtMs">,
  nowMs: number,
): string | undefined {
  const at = (ms: number) => new Date(ms).toISOString().replace(/:\d\d\.000Z$/, "Z").replace("T", " ");
  if (nowMs > expiresAtMs) {
    return `The certificate has expired on ${at(expiresAtMs)}: browsers and clients refuse it, renew it`;
  }
  if (nowMs < validFromMs) {
    return `The certificate is valid from ${at(validFromMs)} only: is the clock right?`;
  }
  const days = Math.floor((expiresAtMs - nowMs) / DAY_MS);
  // A certificate of a few days is renewed in its last third, others in their last two weeks.
  const soonMs = Math.min(SOON_MS, (expiresAtMs - validFromMs) / 3);
  if (expiresAtMs - nowMs >= soonMs) return undefined;
  return `The certificate expires on ${at(expiresAtMs)}, in ${
    days === 1 ? "1 day" : `${days} days`
  }: renew it`;
}

const DAY_MS = 86_400_000;
const SOON_MS = 14 * DAY_MS;

async function readText(what: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable
      ? "permission denied"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new AppError("invalid", `Cannot read the server's ${what} ${path}: ${reason}`, { cause: error });
  }
}

function parseKey(text: string, path: string): KeyObject {
  if (/BEGIN ENCRYPTED PRIVATE KEY|^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    throw new AppError(
      "invalid",
      `The server's key ${path} is encrypted with a passphrase, which nobody types at a start: ` +
        "write one without (openssl pkey -in … -out …), and let only the server's user read it",
    );
  }
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw new AppError(
      "invalid",
      `The server's key ${path} is no private key in PEM (-----BEGIN PRIVATE KEY-----)`,
      { cause: error },
    );
  }
}

type Chain = readonly [X509Certificate, ...X509Certificate[]];

function parseChain(text: string, path: string): Chain {
  const [first, ...rest] = text.match(CERTIFICATE) ?? [];
  if (first === undefined) {
    throw new AppError(
      "invalid",
      `The server's certificate ${path} is no certificate in PEM (-----BEGIN CERTIFICATE-----)`,
    );
  }
  const parse = (pem: string, index: number) => {
    try {
      return new X509Certificate(pem);
    } catch (error) {
      throw new AppError("invalid", `Certificate ${index + 1} in ${path} cannot be read`, { cause: error });
    }
  };
  return [parse(first, 0), ...rest.map((pem, index) => parse(pem, index + 1))];
}

function requireOwnFirst(chain: Chain, key: KeyObject, { certPath, keyPath }: CertificateFiles): void {
  if (chain[0].checkPrivateKey(key)) return;
  const at = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  throw new AppError(
    "invalid",
    at === -1
      ? `The server's key ${keyPath} is not that of the certificate ${certPath}`
      : `The server's own certificate is number ${
        at + 1
      } in ${certPath}: it has to stand first, then those who vouch for it`,
  );
}

/** Clients that do not sort a chain for themselves find no way through one out of order. */
function orderWarnings(chain: Chain, { certPath }: CertificateFiles): string[] {
  for (const [index, certificate] of chain.entries()) {
    const next = chain[index + 1];
    if (next !== undefined && !certificate.checkIssued(next)) {
      return [
        `Certificate ${index + 2} in ${certPath} does not vouch for the one before it: check their order`,
      ];
    }
  }
  return [];
}

function modeWarnings(mode: number, { keyPath }: CertificateFiles): string[] {
  if ((mode & 0o007) === 0) return [];
  return [`Other users of this machine may read the server's key ${keyPath}: chmod 600 it`];
}

function namesOf({ subjectAltName, subject }: X509Certificate): string {
  const names = (subjectAltName ?? "").split(/,\s*/)
    .map((name) => name.replace(/^(?:DNS|IP Address|URI|email):/, ""))
    .filter((name) => name !== "");
  return names.length > 0 ? names.join(", ") : /CN=([^\n,]+)/.exec(subject)?.[1] ?? "no name";
}
