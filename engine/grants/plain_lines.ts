import { isThisMachine } from "../../contract/network/this_machine.ts";
import { findRule, parseAddress, splitPort } from "./host_rules.ts";
import type { Policy } from "./policy.ts";

type Rules = Pick<Policy, "plainHostsAllow">;

/**
 * Whether something may sign in at the host, `name:port`, without encryption. Ranges are for hosts that are addresses:
 * what a name leads to may be another machine when it is connected to.
 */
export function mayGoPlain({ plainHostsAllow }: Rules, host: string): boolean {
  const { host: name } = splitPort(host);
  if (isThisMachine(name)) return true;
  const addresses = parseAddress(name) === undefined ? [] : [name];
  return findRule(plainHostsAllow, { text: host, addresses }, "all") !== undefined;
}

/** What is wrong with sending a secret of the server's own to the address, as a sentence's end; undefined where nothing is. */
export function plainFault(rules: Rules, address: string): string | undefined {
  const url = URL.parse(address.replace(/^libsql:/i, "https:"));
  const isPlain = url !== null &&
    (["http:", "ws:"].includes(url.protocol) || url.searchParams.get("tls") === "0");
  if (!isPlain) return undefined;
  const port = url.port || (["https:", "wss:"].includes(url.protocol) ? "443" : "80");
  if (mayGoPlain(rules, `${url.hostname}:${port}`)) return undefined;
  return `leads to ${url.hostname} without encryption: use https://, or add ${url.hostname} to plain_hosts_allow of the ` +
    "operator's policy";
}
