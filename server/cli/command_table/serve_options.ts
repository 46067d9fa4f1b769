import type { OptionSpec } from "../command.ts";
import { diskReserve } from "./shared_options.ts";

/** What `sluice serve` takes beside the place of its project. */
export const SERVE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  host: {
    type: "string",
    value: "HOST",
    env: "SLUICE_HOST",
    description: "the address to listen on, 127.0.0.1 by default",
  },
  port: {
    type: "string",
    value: "PORT",
    env: "SLUICE_PORT",
    description: "the port to listen on, 8080 by default; 0 picks a free one",
  },
  "allow-host": {
    type: "string",
    value: "NAME",
    multiple: true,
    env: "SLUICE_ALLOWED_HOSTS",
    description: "a name that browsers may use for the server, beside localhost",
  },
  "trust-proxy": {
    type: "boolean",
    env: "SLUICE_TRUST_PROXY",
    description: "believe the X-Forwarded headers of a reverse proxy in front of it",
  },
  "tls-cert": {
    type: "string",
    value: "FILE",
    env: "SLUICE_TLS_CERT",
    description: "speak HTTPS with this certificate, PEM, the server's own first; watched and read again",
  },
  "tls-key": {
    type: "string",
    value: "FILE",
    env: "SLUICE_TLS_KEY",
    description: "the private key of the certificate, PEM, without a passphrase",
  },
  "tls-min": {
    type: "string",
    value: "VERSION",
    env: "SLUICE_TLS_MIN",
    description: "the oldest TLS that is spoken: 1.2, the default, or 1.3",
  },
  "tls-client-ca": {
    type: "string",
    value: "FILE",
    env: "SLUICE_TLS_CLIENT_CA",
    description: "ask every client for a certificate that an authority in this file vouches for",
  },
  run: {
    type: "string",
    value: "PIPELINE",
    multiple: true,
    description: "start a run of this pipeline at once",
  },
  "max-runs": {
    type: "string",
    value: "N",
    description: "how many runs go on at the same time, 2 by default",
  },
  pool: {
    type: "string",
    value: "NAME=SLOTS",
    multiple: true,
    env: "SLUICE_POOLS",
    description: "how many runs of the pipelines that name this pool go on at the same time, as heavy=2",
  },
  "ready-processes": {
    type: "string",
    value: "N",
    env: "SLUICE_READY_PROCESSES",
    description: "how many processes wait for the next runs at most, 2 by default",
  },
  drain: {
    type: "string",
    value: "DURATION",
    env: "SLUICE_DRAIN",
    description: "how long runs under way may go on when the server is to stop, 30s by default",
  },
  "disk-reserve": diskReserve,
  "log-file": {
    type: "string",
    value: "FILE",
    env: "SLUICE_LOG_FILE",
    description: "where the log goes instead of standard error; SIGHUP opens it again",
  },
  "log-format": {
    type: "string",
    value: "FORMAT",
    env: "SLUICE_LOG_FORMAT",
    description: "text (the default) or json, one object a line",
  },
  "log-max-size": {
    type: "string",
    value: "SIZE",
    env: "SLUICE_LOG_MAX_SIZE",
    description: "when the log file is put aside and compressed, 50MiB by default; 0: never",
  },
  "log-keep": {
    type: "string",
    value: "N",
    env: "SLUICE_LOG_KEEP",
    description: "how many log files that were put aside are kept, 10 by default",
  },
};
