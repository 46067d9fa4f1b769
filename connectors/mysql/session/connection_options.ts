import type { TlsDemands } from "../../network/config_entry.ts";

/**
 * How TLS is used: never, where the server has it, always with any certificate, with one that an
 * authority vouches for, or with one that is for this host too. In libpq's words; MySQL's own are
 * DISABLED, PREFERRED, REQUIRED, VERIFY_CA and VERIFY_IDENTITY.
 */
export type SslMode = "disable" | "prefer" | "require" | "verify-ca" | "verify-full";

export interface SessionOptions {
  readonly host: string;
  readonly port: number;
  /** The absolute path of the server's Unix socket, instead of host and port. */
  readonly socket: string | undefined;
  readonly ssl: SslMode;
  /** PEM text of the authorities that may vouch for the server; the system's where undefined. */
  readonly authorities: string | undefined;
  /** PEM texts of this client's own certificate. */
  readonly certificate: { readonly certificate: string; readonly key: string } | undefined;
  readonly tlsDemands: TlsDemands;
  readonly connectTimeoutMs: number;
  readonly user: string;
  readonly database: string;
  /** What the server shows in performance_schema as program_name. */
  readonly applicationName: string;
  revealPassword(): string | undefined;
}

/** Which server it is. */
export interface ServerKind {
  readonly isMariadb: boolean;
  /** As `10.11.19` or `8.4.2`, its parts as numbers. */
  readonly version: readonly [major: number, minor: number, patch: number];
}
