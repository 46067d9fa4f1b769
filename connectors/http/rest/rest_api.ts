import type { RecordBatch } from "apache-arrow";
import type { ConnectorContext } from "../../../contract/connector/connector.ts";
import type { DeliveryRequest, DeliveryResult } from "../../../contract/connector/destination.ts";
import type { Scan, StreamRequest } from "../../../contract/connector/source.ts";
import { type ClientTls, GuardedFetch, hostOf } from "../../network/guarded_fetch.ts";
import type { HttpConfig } from "../config.ts";
import type { EndpointStream } from "../options.ts";
import { ApiClient } from "./api_client.ts";
import { deliverRows } from "./load/deliver_rows.ts";
import type { RestTarget } from "./load/target.ts";
import { scanEndpoint } from "./rest_source.ts";
import { TokenKeeper } from "./token_keeper.ts";

/** An API as one connector of a process has it: one sign-in and one pool of connections for all of its streams. */
export class RestApi implements Disposable {
  readonly #config: HttpConfig;
  readonly #context: ConnectorContext;
  readonly #guarded: GuardedFetch;
  readonly #client: ApiClient;

  constructor(config: HttpConfig, context: ConnectorContext, hosts: ReadonlySet<string>, tls: ClientTls) {
    this.#config = config;
    this.#context = context;
    this.#guarded = new GuardedFetch(context.wayOut, tls);
    const { clock, log } = context;
    const own = hostOf(config.baseUrl);
    const keeper = new TokenKeeper(config.auth, this.#guarded, clock);
    this.#client = new ApiClient({
      guarded: this.#guarded,
      baseUrl: config.baseUrl,
      headers: config.headers,
      credentials: (refused, signal) => keeper.credentials(refused, signal),
      hosts,
      timeoutMs: config.timeoutMs,
      clock,
      random: Math.random,
      turn: (host, signal) => context.turn(host, host === own ? config.rateLimit : undefined, signal),
      hold: (host, waitMs) => context.hold(host, waitMs),
      log,
    });
  }

  /** See Source.scan. */
  async scan(request: StreamRequest<EndpointStream>, signal: AbortSignal): Promise<Scan> {
    const { scratchDir, log, budget } = this.#context;
    using _place = await budget.acquire(signal);
    return await scanEndpoint(
      { baseUrl: this.#config.baseUrl, scratchDir, log },
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

  [Symbol.dispose](): void {
    this.#guarded[Symbol.dispose]();
  }
}
