import type { ConnectorContext } from "../../contract/connector/connector.ts";
import { EgressProxy } from "../../engine/grants/egress/egress_proxy.ts";
import { HostGuard, type Resolve } from "../../engine/grants/egress/host_guard.ts";
import { type HostRule, parseHostRule } from "../../engine/grants/host_rules.ts";

/** The way to guarded hosts as a server gives it to a run's process. */
export interface GuardedWay extends AsyncDisposable {
  readonly wayOut: ConnectorContext["wayOut"];
}

/** To `hosts`, each `name:port`; private ones only where `privateHosts` has them, the loopback address by default. */
export function guardedWay(
  hosts: readonly string[],
  privateHosts: readonly string[] = ["127.0.0.1"],
  resolve?: Resolve,
): GuardedWay {
  const proxy = new EgressProxy();
  const privateHostsAllow = privateHosts.map(parseHostRule).filter((rule): rule is HostRule =>
    rule !== undefined
  );
  const guard = new HostGuard({ hostsAllow: undefined, hostsDeny: [], privateHostsAllow }, hosts, resolve);
  const admission = proxy.admit(guard);
  return {
    wayOut: async (host) => {
      await guard.judge(host);
      return {
        url: `socks5h://${await proxy.open()}`,
        basicAuth: { username: "sluice", password: admission.token },
      };
    },
    async [Symbol.asyncDispose]() {
      admission[Symbol.dispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}
