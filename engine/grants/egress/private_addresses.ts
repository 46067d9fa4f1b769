import { type HostRule, isInRange, parseAddress, parseHostRule } from "../host_rules.ts";

/**
 * What is not out in the internet, from IANA's registries of special-purpose addresses. Outside of 2000::/3 IPv6 has no
 * public addresses at all.
 */
const V4: Readonly<Record<string, readonly string[]>> = {
  "this machine": ["0.0.0.0/8", "127.0.0.0/8"],
  "link-local, where clouds keep their metadata": ["169.254.0.0/16"],
  "a private network": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"],
  "reserved": [
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
  ],
  "where clouds keep their metadata": ["168.63.129.16"],
};

const V6: Readonly<Record<string, readonly string[]>> = {
  "this machine": ["::/127"],
  "link-local": ["fe80::/10", "fec0::/10"],
  "a private network": ["fc00::/7"],
  "reserved": ["ff00::/8", "2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20"],
};

/** IPv6 addresses that hold an IPv4 address, which is where they lead: the prefix, and the place of its first byte. */
const HOLDS_V4: Readonly<Record<string, number>> = {
  "::/96": 12,
  "64:ff9b::/96": 12,
  "2002::/16": 2,
};

type Range = Extract<HostRule["pattern"], { readonly kind: "range" }>;

const rangeOf = (text: string): Range => {
  const pattern = parseHostRule(text)?.pattern;
  if (pattern?.kind !== "range") throw new Error(`${text} is no range of addresses`);
  return pattern;
};

const rangesOf = (
  table: Readonly<Record<string, readonly string[]>>,
): readonly (readonly [Range, string])[] =>
  Object.entries(table).flatMap(([what, ranges]) => ranges.map((range) => [rangeOf(range), what] as const));

const KNOWN = [...rangesOf(V4), ...rangesOf(V6)];
const HOLDING = Object.entries(HOLDS_V4).map(([range, at]) => [rangeOf(range), at] as const);
const PUBLIC_V6 = rangeOf("2000::/3");

/** What a private address is, for a message; undefined for one of the internet. An IPv4 address within IPv6 is what it leads to. */
export function whyPrivate(address: string): string | undefined {
  const bytes = parseAddress(address);
  if (bytes === undefined) return "no address";
  const known = KNOWN.find(([range]) => isInRange(bytes, range));
  if (known !== undefined) return known[1];
  if (bytes.length === 4) return undefined;
  const holding = HOLDING.find(([range]) => isInRange(bytes, range));
  if (holding !== undefined) {
    const [, at] = holding;
    return whyPrivate(bytes.slice(at, at + 4).join("."));
  }
  return isInRange(bytes, PUBLIC_V6) ? undefined : "reserved";
}
