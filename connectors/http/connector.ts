import { resolve } from "node:path";
import type {
  Connection,
  Connector,
  ConnectorContext,
  ConnectorPlace,
} from "../../contract/connector/connector.ts";
import { AppError } from "../../contract/errors.ts";
import { fileCapabilities, FileConnection } from "../files/file_connection.ts";
import type { FileStream } from "../files/options.ts";
import type { HttpLocation } from "../locations/http/http_location.ts";
import { readPem } from "../network/credentials.ts";
import { configSchema, hostOf, hostsOf, type HttpConfig, secretsOf } from "./config.ts";

/** Files of a web server, in every format of the file connector; a source only. */
export const http = {
  name: "http",
  description:
    "Files of a web server over HTTP or HTTPS: CSV, NDJSON, JSON, Parquet, Arrow, Excel, also compressed.",
  configSchema,
  streamSchema: fileCapabilities.streamSchema,
  isScanned: fileCapabilities.isScanned,
  loadModes: [],
  secrets: secretsOf,
  access: (config, _use, place) => ({
    hosts: hostsOf(config),
    read: [],
    write: [],
    config: caPaths(config, place),
  }),
  open: (config, context) => Promise.resolve(open(config, context)),
} satisfies Connector<HttpConfig, FileStream>;

const caPaths = ({ ca }: HttpConfig, { projectDir }: ConnectorPlace): string[] =>
  ca === undefined ? [] : [resolve(projectDir, ca)];

function open(config: HttpConfig, context: ConnectorContext): Connection {
  const { baseUrl } = config;
  const ended = new AbortController();
  let location: Promise<HttpLocation> | undefined;
  const files = new FileConnection({
    paths: {
      root: baseUrl.pathname,
      targetPath: (path) => {
        throw new AppError("invalid", `Cannot write "${path}": files of a web server are only read`);
      },
      shown: (path) => `${baseUrl.origin}${path.split("?")[0]}`,
    },
    scratchDir: context.scratchDir,
    isUnlisted: true,
    location: () => location ??= openLocation(config, context, ended.signal),
  });
  return {
    async reach(signal) {
      location ??= openLocation(config, context, ended.signal);
      await (await location).reach(signal);
    },
    source: files.source,
    async [Symbol.asyncDispose]() {
      ended.abort();
      (await location?.catch(() => undefined))?.[Symbol.dispose]();
      await files[Symbol.asyncDispose]();
    },
  };
}

async function openLocation(
  config: HttpConfig,
  context: ConnectorContext,
  ended: AbortSignal,
): Promise<HttpLocation> {
  const { HttpLocation } = await import("../locations/http/http_location.ts");
  const { baseUrl, headers, auth, timeoutMs } = config;
  const hosts = new Set(hostsOf(config));
  const authorities = await readPem(context.name, "ca", caPaths(config, context)[0]);
  const { scratchDir, budget, clock } = context;
  return new HttpLocation(
    {
      baseUrl,
      headers,
      authorization: auth.header,
      mayFollow: (url) => hosts.has(hostOf(url)),
      authorities,
      timeoutMs,
      clock,
    },
    { scratchDir, budget, signal: AbortSignal.any([context.signal, ended]) },
  );
}
