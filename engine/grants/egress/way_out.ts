import type { RateLimit } from "../../../contract/connector/connector.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Policy } from "../policy.ts";
import type { Egress } from "./egress.ts";
import type { Admission } from "./egress_proxy.ts";
import { HostGuard } from "./host_guard.ts";

/** What a process signs in with at the proxy, which it connects to in the place of a guarded host. */
export interface ProxyAccess {
  /** `127.0.0.1:1080` */
  readonly proxy: string;
  readonly token: string;
}

/** One process's way to the guarded hosts of its connectors. Disposing of it ends its connections and its waits. */
export class WayOut implements Disposable {
  readonly #egress: Egress;
  readonly #guard: HostGuard;
  readonly #hosts: ReadonlySet<string>;
  readonly #ended = new AbortController();
  #admission: Admission | undefined;

  /** `hosts` are `name:port`. */
  constructor(egress: Egress, policy: Policy, hosts: readonly string[]) {
    this.#egress = egress;
    this.#hosts = new Set(hosts);
    this.#guard = new HostGuard(policy, hosts);
  }

  /** To one of the hosts. Throws `forbidden` and `unavailable` with the reason, which the proxy itself cannot say. */
  async to(host: string): Promise<ProxyAccess> {
    const { proxy } = this.#egress;
    await this.#guard.judge(host);
    const address = await proxy.open();
    this.#admission ??= proxy.admit(this.#guard);
    return { proxy: address, token: this.#admission.token };
  }

  /** See HostRates.turn, for all processes together. Throws `forbidden` for another host. */
  async turn(host: string, limit: RateLimit | undefined): Promise<number> {
    this.#requireKnown(host);
    return await this.#egress.rates.turn(host, limit, this.#ended.signal);
  }

  /** The host wants no request of anybody's for so many milliseconds. Throws `forbidden` for another host. */
  hold(host: string, waitMs: number): void {
    this.#requireKnown(host);
    this.#egress.rates.hold(host, waitMs);
  }

  [Symbol.dispose](): void {
    this.#ended.abort(new AppError("cancelled", "The process has ended"));
    this.#admission?.[Symbol.dispose]();
    this.#admission = undefined;
  }

  #requireKnown(host: string): void {
    if (!this.#hosts.has(host)) throw new AppError("forbidden", `No connector of the pipeline names ${host}`);
  }
}
