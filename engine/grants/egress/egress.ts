import type { Clock } from "../../../contract/clock.ts";
import { EgressProxy } from "./egress_proxy.ts";
import { SharedTokens } from "../tokens/shared_tokens.ts";
import { HostRates } from "./host_rates.ts";

/** What the processes of one server or command share on their way to guarded hosts. */
export class Egress implements AsyncDisposable {
  readonly proxy: EgressProxy;
  readonly rates: HostRates;
  readonly tokens: SharedTokens;

  constructor(clock: Clock) {
    this.proxy = new EgressProxy();
    this.rates = new HostRates(clock);
    this.tokens = new SharedTokens(clock);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
  }
}
