import type { Policy } from "../policy.ts";
import type { Admission, EgressProxy } from "./egress_proxy.ts";
import { HostGuard } from "./host_guard.ts";

/** What a process signs in with at the proxy, which it connects to in the place of a guarded host. */
export interface ProxyAccess {
  /** `127.0.0.1:1080` */
  readonly proxy: string;
  readonly token: string;
}

/** One process's way to the guarded hosts of its connectors. Disposing of it ends its connections. */
export class WayOut implements Disposable {
  readonly #proxy: EgressProxy;
  readonly #guard: HostGuard;
  #admission: Admission | undefined;

  /** `hosts` are `name:port`. */
  constructor(proxy: EgressProxy, policy: Policy, hosts: readonly string[]) {
    this.#proxy = proxy;
    this.#guard = new HostGuard(policy, hosts);
  }

  /** To one of the hosts. Throws `forbidden` and `unavailable` with the reason, which the proxy itself cannot say. */
  async to(host: string): Promise<ProxyAccess> {
    await this.#guard.judge(host);
    const proxy = await this.#proxy.open();
    this.#admission ??= this.#proxy.admit(this.#guard);
    return { proxy, token: this.#admission.token };
  }

  [Symbol.dispose](): void {
    this.#admission?.[Symbol.dispose]();
    this.#admission = undefined;
  }
}
