import { lookup } from "node:dns/promises";
import { AppError } from "../../../contract/errors.ts";
import { findRule, type HostRule, parseAddress, splitPort } from "../host_rules.ts";
import type { Policy } from "../policy.ts";
import { whyPrivate } from "./private_addresses.ts";

/** What connections are made to: what was judged, never what a name means a moment later. */
export interface JudgedHost {
  readonly port: number;
  /** Not empty. */
  readonly addresses: readonly string[];
}

type Rules = Pick<Policy, "hostsAllow" | "hostsDeny" | "privateHostsAllow">;

/** All addresses that a name has now. */
export type Resolve = (name: string) => Promise<readonly string[]>;

const systemResolve: Resolve = async (name) =>
  (await lookup(name, { all: true })).map(({ address }) => address);

/**
 * Decides where requests may go whose addresses come from definitions and from servers' answers. One address of a name
 * that is refused refuses the name.
 */
export class HostGuard {
  readonly #rules: Rules;
  readonly #hosts: ReadonlySet<string>;
  readonly #resolve: Resolve;

  /** `hosts` are `name:port`, those that the process may go to. */
  constructor(rules: Rules, hosts: readonly string[], resolve: Resolve = systemResolve) {
    this.#rules = rules;
    this.#hosts = new Set(hosts.map((host) => host.toLowerCase()));
    this.#resolve = resolve;
  }

  /** `host` is `name:port` or `[address]:port`. Throws `forbidden` with the key that would allow it, and `unavailable`. */
  async judge(host: string): Promise<JudgedHost> {
    const { host: name, port } = splitPort(host);
    if (!this.#hosts.has(host.toLowerCase())) {
      throw new AppError("forbidden", `May not connect to ${host}: no connector of the pipeline names it`);
    }
    const addresses = parseAddress(name) === undefined ? await this.#addressesOf(name) : [name];
    const reason = reasonAgainst(this.#rules, host, addresses);
    if (reason !== undefined) {
      throw new AppError("forbidden", `May not connect to ${host}: ${reason}`, { reason: "policy" });
    }
    return { port: Number(port), addresses };
  }

  async #addressesOf(name: string): Promise<readonly string[]> {
    let addresses: readonly string[];
    try {
      addresses = await this.#resolve(name);
    } catch (error) {
      throw new AppError("unavailable", `Cannot connect to ${name}: the name has no address`, {
        cause: error,
      });
    }
    if (addresses.length > 0) return addresses;
    throw new AppError("unavailable", `Cannot connect to ${name}: the name has no address`);
  }
}

/** What the policy's lists of hosts have against one; undefined where it may be connected to. */
export function reasonByRules(
  { hostsAllow, hostsDeny }: Pick<Policy, "hostsAllow" | "hostsDeny">,
  host: string,
  addresses: readonly string[],
): string | undefined {
  const target = { text: host, addresses };
  const denied = findRule(hostsDeny, target, "any");
  if (denied !== undefined) return `hosts_deny of the operator's policy refuses it (${denied.text})`;
  if (hostsAllow === undefined || findRule(hostsAllow, target, "all") !== undefined) return undefined;
  return "it is not among hosts_allow of the operator's policy";
}

/** The same of a guarded host, which may not be a private one either, as far as its addresses are given. */
export function reasonAgainst(rules: Rules, host: string, addresses: readonly string[]): string | undefined {
  const listed = reasonByRules(rules, host, addresses);
  if (listed !== undefined) return listed;
  const { host: name } = splitPort(host);
  for (const address of addresses) {
    const what = whyPrivate(address);
    if (what === undefined || isAllowed(rules.privateHostsAllow, host, address)) continue;
    const subject = address === name ? "it" : `${name} has the address ${address}, which`;
    return `${subject} is ${what}; where that is meant, add ${name} to private_hosts_allow of the operator's policy`;
  }
  return undefined;
}

const isAllowed = (rules: readonly HostRule[], host: string, address: string): boolean =>
  findRule(rules, { text: host, addresses: [address] }, "all") !== undefined;
