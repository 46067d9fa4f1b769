import { AppError } from "../../../contract/errors.ts";
import type { CertificateFiles } from "./certificate.ts";

export const TLS_VERSIONS = ["1.2", "1.3"] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

/** What the operator says of HTTPS by the server itself. */
export interface TlsSettings extends CertificateFiles {
  readonly minVersion: TlsVersion;
  /** A PEM file with the authorities of clients' certificates: whoever shows none is not heard. Absolute. */
  readonly clientCaPath: string | undefined;
}

export interface TlsOptions {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly min: string | undefined;
  readonly clientCa: string | undefined;
}

/** Undefined for a server that speaks plain HTTP. Paths are made absolute by `resolve`. Throws `invalid`. */
export function readTlsSettings(
  { cert, key, min, clientCa }: TlsOptions,
  resolve: (path: string) => string,
): TlsSettings | undefined {
  if (cert === undefined && key === undefined) {
    const alone = min !== undefined ? "--tls-min" : clientCa !== undefined ? "--tls-client-ca" : undefined;
    if (alone === undefined) return undefined;
    throw new AppError(
      "invalid",
      `${alone} needs --tls-cert and --tls-key (SLUICE_TLS_CERT, SLUICE_TLS_KEY)`,
    );
  }
  if (cert === undefined || key === undefined) {
    const [given, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
    throw new AppError(
      "invalid",
      `--tls-${given} needs --tls-${missing} too (SLUICE_TLS_${missing.toUpperCase()})`,
    );
  }
  const minVersion = TLS_VERSIONS.find((version) => version === (min ?? "1.2"));
  if (minVersion === undefined) {
    throw new AppError("invalid", `--tls-min is "${min}", expected 1.2 or 1.3: older ones are broken`);
  }
  return {
    certPath: resolve(cert),
    keyPath: resolve(key),
    minVersion,
    clientCaPath: clientCa === undefined ? undefined : resolve(clientCa),
  };
}
