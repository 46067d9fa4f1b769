import type { TlsDemands } from "../../network/config_entry.ts";
import type { ServerMessage } from "./server_error.ts";

/** Where a server listens. */
export interface Host {
  /** A name, an address, or the absolute path of the folder that holds the Unix socket. */
  readonly host: string;
  readonly port: number;
}

/** As libpq's sslmode. */
export type SslMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";
export type SslNegotiation = "postgres" | "direct";
export type ChannelBinding = "disable" | "prefer" | "require";
/** Ways to sign in, in libpq's words; `none` is a server that asks for nothing. */
export type AuthMethod = "none" | "password" | "md5" | "scram-sha-256";
export type TargetSession =
  | "any"
  | "read-write"
  | "read-only"
  | "primary"
  | "standby"
  | "prefer-standby";

export interface SessionOptions {
  /** Tried in order. */
  readonly hosts: readonly Host[];
  readonly targetSession: TargetSession;
  readonly ssl: SslMode;
  readonly sslNegotiation: SslNegotiation;
  /** PEM text of the authorities that may vouch for the server; the system's where undefined. */
  readonly authorities: string | undefined;
  /** PEM texts of this client's own certificate. */
  readonly certificate: { readonly certificate: string; readonly key: string } | undefined;
  readonly tlsDemands: TlsDemands;
  readonly channelBinding: ChannelBinding;
  readonly authMethods: ReadonlySet<AuthMethod>;
  /** For each host. */
  readonly connectTimeoutMs: number;
  readonly user: string;
  readonly database: string;
  readonly applicationName: string;
  /** Command-line options for the server's process, as `-c statement_timeout=5min`. */
  readonly options: string | undefined;
  /** A session that may also send the log of its database; it takes no extended queries. */
  readonly replication?: boolean;
  /** Called only where the server asks for it. */
  revealPassword(): string | undefined;
  onNotice(notice: ServerMessage): void;
}

/** The Unix socket of a server whose host is a folder, as libpq names it; undefined for TCP. */
export const socketPath = ({ host, port }: Host): string | undefined =>
  host.startsWith("/") ? `${host}/.s.PGSQL.${port}` : undefined;
