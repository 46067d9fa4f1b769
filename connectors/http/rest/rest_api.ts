import type { RecordBatch } from "apache-arrow";
import type { ConnectorContext } from "../../../contract/connector/connector.ts";
import type { DeliveryRequest, DeliveryResult } from "../../../contract/connector/destination.ts";
import type { Scan, StreamRequest } from "../../../contract/connector/source.ts";
import { Secret } from "../../../contract/secret.ts";
import { type ClientTls, GuardedFetch, hostOf } from "../../network/guarded_fetch.ts";
import { createHash } from "node:crypto";
import type { HttpConfig } from "../config.ts";
import type { EndpointStream } from "../options.ts";
import { RequestSigner } from "../sign.ts";
import { ApiClient } from "./api_client.ts";
import { deliverRows } from "./load/deliver_rows.ts";
import type { RestTarget } from "./load/target.ts";
import { scanEndpoint } from "./rest_source.ts";
import { TokenKeeper } from "./token_keeper.ts";

/** Statuses that say that a server is there and takes the sign-in. */
const ANY_OTHER = Array.from({ length: 100 }, (_, at) => 400 + at).filter((status) =>
  ![401, 403, 408, 425, 429].includes(status)
);

/** Of what the server may tell users and tenants apart by, and no way back to it. */
async function identityOf(config: HttpConfig, context: ConnectorContext): Promise<string> {
  const { auth } = config;
  const headers = Object.entries(config.headers).map(([name, value]) => [name, value.reveal()]);
  const signing = auth?.type !== "script"
    ? []
    : [context.script(auth.script), ...await Promise.all(auth.secrets.map((name) => context.secret(name)))];
  const told = [headers, auth ?? null, config.certificate ?? null, ...signing];
  return createHash("sha256").update(JSON.stringify(told)).digest("hex");
}

function traceHeaders({ isTraced }: HttpConfig, { traceparent }: ConnectorContext): Record<string, Secret> {
  return isTraced && traceparent !== undefined ? { traceparent: new Secret(traceparent) } : {};
}

/** An API as one connector of a process has it: one sign-in and one pool of connections for all of its streams. */
export class RestApi implements AsyncDisposable {
  readonly #config: HttpConfig;
  readonly #context: ConnectorContext;
  readonly #guarded: GuardedFetch;
  readonly #client: ApiClient;
  readonly #signer: RequestSigner | undefined;

  constructor(config: HttpConfig, context: ConnectorContext, hosts: ReadonlySet<string>, tls: ClientTls) {
    this.#config = config;
    this.#context = context;
    this.#guarded = new GuardedFetch(context.wayOut, tls);
    const { clock, log } = context;
    const own = hostOf(config.baseUrl);
    const keeper = new TokenKeeper(config.auth, this.#guarded, context);
    const signer = config.auth?.type === "script" ? new RequestSigner(config.auth, context) : undefined;
    this.#signer = signer;
    this.#client = new ApiClient({
      guarded: this.#guarded,
      baseUrl: config.baseUrl,
      headers: { ...traceHeaders(config, context), ...config.headers },
      credentials: (refused) => keeper.credentials(refused),
      sign: signer && ((request) => signer.sign(request)),
      hosts,
      timeoutMs: config.timeoutMs,
      clock,
      random: Math.random,
      turn: (host, signal) => context.turn(host, host === own ? config.rateLimit : undefined, signal),
      hold: (host, waitMs) => context.hold(host, waitMs),
      log,
    });
  }

  /** Throws where the server does not answer, fails, or does not take the sign-in; what it says of the address itself is no matter. */
  async reach(signal: AbortSignal): Promise<void> {
    const request = { method: "GET", url: this.#config.baseUrl, body: null, headers: {} } as const;
    await this.#client.send(request, ANY_OTHER, signal);
  }

  /** See Source.scan. */
  async scan(request: StreamRequest<EndpointStream>, signal: AbortSignal): Promise<Scan> {
    const { scratchDir, log, budget } = this.#context;
    using _place = await budget.acquire(signal);
    const identity = await identityOf(this.#config, this.#context);
    return await scanEndpoint(
      { baseUrl: this.#config.baseUrl, identity, scratchDir, log },
      this.#client,
      request,
      signal,
    );
  }

  /** See DeliveringDestination.deliver. */
  async deliver(
    rows: readonly RecordBatch[],
    request: DeliveryRequest<RestTarget>,
    signal: AbortSignal,
  ): Promise<readonly DeliveryResult[]> {
    using _place = await this.#context.budget.acquire(signal);
    return await deliverRows(this.#config.baseUrl, this.#client, rows, request, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#guarded[Symbol.dispose]();
    await this.#signer?.[Symbol.asyncDispose]();
  }
}
