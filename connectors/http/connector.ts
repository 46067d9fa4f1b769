import { resolve } from "node:path";
import * as v from "valibot";
import type {
  Access,
  Connection,
  Connector,
  ConnectorContext,
  ConnectorPlace,
} from "../../contract/connector/connector.ts";
import type { DeliveringDestination } from "../../contract/connector/destination.ts";
import type { Source, StreamRequest } from "../../contract/connector/source.ts";
import { AppError } from "../../contract/errors.ts";
import { fileCapabilities, FileConnection } from "../files/file_connection.ts";
import type { FileStream } from "../files/options.ts";
import type { HttpLocation } from "../locations/http/http_location.ts";
import { readPem } from "../network/credentials.ts";
import { type ClientTls, GuardedFetch, hostOf } from "../network/guarded_fetch.ts";
import { onlyStream } from "../one_stream.ts";
import { signerOf } from "../script/options.ts";
import { fixedCredentials, type ScriptAuth } from "./auth.ts";
import { configSchema, hostsOf, type HttpConfig, plainLinesOf, secretsOf } from "./config.ts";
import { type HttpStream, streamSchema } from "./options.ts";
import { loadSchema, type RestTarget } from "./rest/load/target.ts";
import type { RestApi } from "./rest/rest_api.ts";
import type { RequestSigner } from "./sign.ts";

/** Records of an API, and files of a web server in every format of the file connector. */
export const http = {
  name: "http",
  description:
    "APIs over HTTP or HTTPS, read page by page, and sent rows to; and files of a web server: CSV, NDJSON, JSON, Parquet, Arrow, Excel, also compressed.",
  configSchema,
  streamSchema,
  movesParts: (address) => !("endpoint" in address),
  isScanned: (stream) => stream.kind === "endpoint" || fileCapabilities.isScanned(stream.file),
  loadSchema,
  loadModes: ["append"],
  mayRejectRows: true,
  refusesLoad: (_, { preSql = [], postSql = [] }) =>
    preSql.length + postSql.length > 0 ? "an API runs no SQL: leave out pre_sql and post_sql" : undefined,
  secrets: secretsOf,
  dataset(config, use) {
    const path = use.kind === "destination"
      ? use.target.path
      : use.kind !== "source"
      ? undefined
      : use.stream.kind === "file"
      ? use.stream.file.path
      : use.stream.stream.endpoint.path;
    if (path === undefined) return undefined;
    const [place = ""] = path.split(/[?#]/);
    const { origin, pathname } = config.baseUrl;
    // An endpoint that is written as a whole address has an origin of its own.
    if (URL.canParse(place)) return datasetOfUrl(new URL(place));
    return { namespace: origin, name: `${pathname.replace(/\/$/, "")}/${place.replace(/^\//, "")}` };
  },
  access: (config, _, place) => ({
    hosts: [],
    guardedHosts: hostsOf(config),
    plain: plainLinesOf(config),
    read: [],
    write: [],
    config: Object.values(pemPaths(config, place)),
    ...signingOf(config),
  }),
  scripts: ({ auth }) => {
    const isNamed = v.is(v.looseObject({ type: v.literal("script"), script: v.string() }), auth);
    return isNamed ? [{ path: ["auth", "script"], script: auth.script }] : [];
  },
  open: (config, context) => Promise.resolve(open(config, context)),
} satisfies Connector<HttpConfig, HttpStream, RestTarget>;

const datasetOfUrl = ({ origin, pathname }: URL) => ({ namespace: origin, name: pathname });

/** What signing asks for. */
function signingOf({ auth }: HttpConfig): Partial<Access> {
  if (auth?.type !== "script") return {};
  const { secrets, written } = signerOf(auth);
  return { secrets, startsScripts: true, scriptsInCheck: true, scriptLimits: { ...written, hosts: [] } };
}

/** Files are asked for in many requests at a time, which sign in by headers that are known from the start. */
function mayReadFiles({ auth }: HttpConfig): boolean {
  const credentials = fixedCredentials(auth);
  return credentials !== undefined && Object.keys(credentials.params).length === 0;
}

/** Absolute, of those that are named. */
function pemPaths(
  { ca, certificate }: HttpConfig,
  { projectDir }: ConnectorPlace,
): { readonly ca?: string; readonly cert?: string; readonly key?: string } {
  const named = { ...(ca === undefined ? {} : { ca }), ...certificate };
  return Object.fromEntries(Object.entries(named).map(([key, path]) => [key, resolve(projectDir, path)]));
}

async function readTls(config: HttpConfig, context: ConnectorContext): Promise<ClientTls> {
  const paths = pemPaths(config, context);
  const [authorities, cert, key] = await Promise.all([
    readPem(context.name, "ca", paths.ca),
    readPem(context.name, "cert", paths.cert),
    readPem(context.name, "key", paths.key),
  ]);
  return { authorities, ...(cert === undefined || key === undefined ? {} : { certificate: { cert, key } }) };
}

function open(config: HttpConfig, context: ConnectorContext): Connection {
  const { baseUrl } = config;
  const ended = new AbortController();
  let location: Promise<OpenLocation> | undefined;
  let api: Promise<RestApi> | undefined;
  const openFiles = () => location ??= openLocation(config, context, ended.signal);
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
    location: async () => (await openFiles()).location,
  });
  return {
    async reach(signal) {
      if (mayReadFiles(config)) await (await openFiles()).location.reach(signal);
      else await (await (api ??= openApi(config, context))).reach(signal);
    },
    source: sourceOf(files.source, () => api ??= openApi(config, context)),
    destination: {
      kind: "delivering",
      batchRows: ({ batch = 1 }) => batch,
      deliveriesAtOnce: ({ parallel }) => parallel,
      deliver: async (rows, request, signal) =>
        await (await (api ??= openApi(config, context))).deliver(rows, request, signal),
    } satisfies DeliveringDestination<RestTarget>,
    async [Symbol.asyncDispose]() {
      ended.abort();
      await (await location?.catch(() => undefined))?.[Symbol.asyncDispose]();
      await (await api?.catch(() => undefined))?.[Symbol.asyncDispose]();
      await files[Symbol.asyncDispose]();
    },
  };
}

/** What reads either kind of stream. */
function sourceOf(files: Source<FileStream>, api: () => Promise<RestApi>): Source<HttpStream> {
  const fileOf = ({ address, ...request }: StreamRequest<HttpStream>): StreamRequest<FileStream> => {
    if (address.kind === "file") return { ...request, address: address.file };
    throw new AppError("internal", "An endpoint is scanned, and not read");
  };
  return {
    pushdown: files.pushdown,
    describe: (request, signal) => files.describe(fileOf(request), signal),
    read: (request, signal) =>
      files.read({ ...request, streams: [fileOf(onlyStream(request.streams))] }, signal),
    async scan({ address, ...request }, signal) {
      if (address.kind === "file") return await files.scan?.({ ...request, address: address.file }, signal);
      return await (await api()).scan({ ...request, address: address.stream }, signal);
    },
  };
}

async function openApi(config: HttpConfig, context: ConnectorContext): Promise<RestApi> {
  const { RestApi } = await import("./rest/rest_api.ts");
  return new RestApi(config, context, new Set(hostsOf(config)), await readTls(config, context));
}

/** Files of the server, with what reads them. */
interface OpenLocation extends AsyncDisposable {
  readonly location: HttpLocation;
}

async function openLocation(
  config: HttpConfig,
  context: ConnectorContext,
  ended: AbortSignal,
): Promise<OpenLocation> {
  const { HttpLocation } = await import("../locations/http/http_location.ts");
  const { baseUrl, auth, timeoutMs } = config;
  const credentials = fixedCredentials(auth);
  if (credentials === undefined || Object.keys(credentials.params).length > 0) {
    throw new AppError(
      "invalid",
      `Connector "${context.name}": files are read with auth of type bearer, basic, script or api_key in a header`,
    );
  }
  const headers = { ...config.headers, ...credentials.headers };
  const hosts = new Set(hostsOf(config));
  const guarded = new GuardedFetch(context.wayOut, await readTls(config, context));
  const signer = auth?.type === "script" ? await openSigner(auth, context) : undefined;
  const { scratchDir, budget, clock } = context;
  const location = new HttpLocation(
    {
      baseUrl,
      headers,
      signsIn: auth !== undefined,
      mayFollow: (url) => hosts.has(hostOf(url)),
      sign: signer && ((request) => signer.sign(request)),
      guarded,
      timeoutMs,
      clock,
    },
    { scratchDir, budget, signal: AbortSignal.any([context.signal, ended]) },
  );
  return {
    location,
    async [Symbol.asyncDispose]() {
      guarded[Symbol.dispose]();
      await signer?.[Symbol.asyncDispose]();
    },
  };
}

async function openSigner(auth: ScriptAuth, context: ConnectorContext): Promise<RequestSigner> {
  const { RequestSigner } = await import("./sign.ts");
  return new RequestSigner(auth, context);
}
