import { isAbsolute, join } from "node:path";
import { AppError } from "../../contract/errors.ts";
import type { Secret } from "../../contract/secret.ts";

/** What a connection is made with, beside its address. */

/** A password as it is and as a URL carries it: none of them may be printed. */
export function formsOf(password: Secret | undefined): string[] {
  if (password === undefined) return [];
  const plain = password.reveal();
  const strict = encodeURIComponent(plain).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return [...new Set([plain, encodeURIComponent(plain), strict, encodeURI(plain)])];
}

/** Whether a header signs in, whatever a server calls it. */
export const isSigningHeader = (name: string): boolean =>
  /auth|cookie|token|key|secret|password|signature/i.test(name);

/** Files of PEM texts as a config names them, absolute or relative to the project. */
export interface PemFiles {
  readonly sslCa: string | undefined;
  readonly sslCert: string | undefined;
  readonly sslKey: string | undefined;
}

/** The files that are named, as absolute paths. */
export function pemPathsOf(
  { sslCa, sslCert, sslKey }: PemFiles,
  projectDir: string,
): { readonly authorities?: string; readonly certificate?: string; readonly key?: string } {
  const absolute = (path: string) => isAbsolute(path) ? path : join(projectDir, path);
  return {
    ...(sslCa === undefined ? {} : { authorities: absolute(sslCa) }),
    ...(sslCert === undefined ? {} : { certificate: absolute(sslCert) }),
    ...(sslKey === undefined ? {} : { key: absolute(sslKey) }),
  };
}

/** PEM texts for TLS. */
export interface PemTexts {
  /** Of the authorities that may vouch for the server; the system's where undefined. */
  readonly authorities: string | undefined;
  /** Of this client's own certificate. */
  readonly certificate: { readonly certificate: string; readonly key: string } | undefined;
}

/** Reads what the files hold. Throws `invalid`, naming the connector and the key of its config. */
export async function readPems(
  files: PemFiles,
  { name, projectDir }: { readonly name: string; readonly projectDir: string },
): Promise<PemTexts> {
  const paths = pemPathsOf(files, projectDir);
  const [authorities, certificate, key] = await Promise.all([
    readPem(name, "ssl_ca", paths.authorities),
    readPem(name, "ssl_cert", paths.certificate),
    readPem(name, "ssl_key", paths.key),
  ]);
  const isWhole = certificate !== undefined && key !== undefined;
  return { authorities, certificate: isWhole ? { certificate, key } : undefined };
}

/** What a file holds that `key` of the connector's config names. The path is absolute. Throws `invalid`. */
export async function readPem(
  connector: string,
  key: string,
  path: string | undefined,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new AppError("invalid", `Cannot read the ${key} "${path}" of ${connector}`, { cause: error });
  }
}
