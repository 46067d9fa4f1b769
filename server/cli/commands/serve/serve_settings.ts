import { resolve } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { listWords } from "../../../../text/suggest.ts";
import { readTlsSettings, type TlsSettings } from "../../../http/tls/tls_settings.ts";
import { type ProxySettings, readProxySettings } from "../../../http/proxy_settings.ts";
import type { CliContext, Invocation } from "../../command.ts";
import { LOG_FORMATS, type LogFormat } from "../../log/server_log.ts";
import { readDuration, readInteger, readSize } from "../../settings.ts";
import { readPools } from "./pools.ts";

export interface ServeSettings {
  readonly host: string;
  readonly port: number;
  readonly maxRuns: number;
  readonly pools: Readonly<Record<string, number>>;
  readonly readyProcesses: number;
  readonly proxy: ProxySettings;
  /** Undefined for plain HTTP. */
  readonly tls: TlsSettings | undefined;
  /** How long runs under way may go on when the server is told to stop. */
  readonly drainMs: number;
  /** What is kept free of the data folder's disk; undefined: by its size. */
  readonly diskReserveBytes: number | undefined;
  readonly log: LogSettings;
}

export interface LogSettings {
  readonly format: LogFormat;
  /** Undefined: standard error. */
  readonly path: string | undefined;
  /** 0: the file is not put aside. */
  readonly maxBytes: number;
  readonly keep: number;
}

/** The options of `sluice serve`. Throws `invalid`. */
export function readServeSettings(invocation: Invocation, context: CliContext): ServeSettings {
  const host = invocation.text("host") ?? "127.0.0.1";
  return {
    host,
    port: readInteger(invocation, "port", { minimum: 0, maximum: 65_535, fallback: 8080 }),
    maxRuns: readInteger(invocation, "max-runs", { minimum: 1, maximum: 1_000, fallback: 2 }),
    pools: readPools(invocation.list("pool")),
    readyProcesses: readInteger(invocation, "ready-processes", { minimum: 0, maximum: 16, fallback: 2 }),
    proxy: readProxySettings(
      { allowHost: invocation.list("allow-host"), trustProxy: invocation.flag("trust-proxy"), host },
      context.env,
    ),
    tls: readTls(invocation, context),
    drainMs: readDuration(invocation, "drain", "30s"),
    diskReserveBytes: readSize(invocation, "disk-reserve", undefined),
    log: readLogSettings(invocation, context),
  };
}

/** Paths are relative to the folder that the command is given in. */
export function readTls(invocation: Invocation, context: CliContext): TlsSettings | undefined {
  const option = (name: string) => invocation.text(name) || undefined;
  return readTlsSettings({
    cert: option("tls-cert"),
    key: option("tls-key"),
    min: option("tls-min"),
    clientCa: option("tls-client-ca"),
  }, (path) => resolve(context.cwd, path));
}

function readLogSettings(invocation: Invocation, context: CliContext): LogSettings {
  const path = invocation.text("log-file");
  return {
    format: readFormat(invocation.text("log-format") ?? "text"),
    path: path === undefined ? undefined : resolve(context.cwd, path),
    maxBytes: readSize(invocation, "log-max-size", 50 * 1_024 ** 2),
    keep: readInteger(invocation, "log-keep", { minimum: 0, maximum: 10_000, fallback: 10 }),
  };
}

function readFormat(text: string): LogFormat {
  const format = LOG_FORMATS.find((known) => known === text);
  if (format !== undefined) return format;
  throw new AppError("invalid", `--log-format is "${text}", expected ${listWords(LOG_FORMATS, "or")}`);
}
