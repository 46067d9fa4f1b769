/**
 * Hosts as an operator's policy names them: `db.example`, `*.example`, `10.0.0.0/8`, `fd00::/8`, each
 * also with a port (`db.example:5432`, `[fd00::/8]:5432`), `unix:/run/postgresql` for sockets under a
 * folder, and `*` for all.
 */
export interface HostRule {
  /** As it was written. */
  readonly text: string;
  readonly port: number | undefined;
  readonly pattern:
    | { readonly kind: "any" }
    | { readonly kind: "name"; readonly name: string }
    | { readonly kind: "suffix"; readonly suffix: string }
    | { readonly kind: "range"; readonly bytes: readonly number[]; readonly prefixLength: number }
    | { readonly kind: "socket"; readonly path: string };
}

/** What a connector wants to connect to. */
export interface HostTarget {
  /** `host:port`, `[address]:port` or `unix:/path`, as the connector gave it. */
  readonly text: string;
  /** The addresses that the name has now; the address itself where it is one. */
  readonly addresses: readonly string[];
}

const NAME_PATTERN = /^(?!-)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** Undefined where the text is no rule. */
export function parseHostRule(text: string): HostRule | undefined {
  if (text.startsWith("unix:/")) {
    const path = text.slice("unix:".length).replace(/\/+$/, "") || "/";
    return { text, port: undefined, pattern: { kind: "socket", path } };
  }
  const { host, port } = splitPort(text);
  const isPort = port === undefined ||
    (/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535);
  const pattern = isPort ? parsePattern(host.toLowerCase().replace(/(?<=[^*])\.$/, "")) : undefined;
  return pattern === undefined
    ? undefined
    : { text, port: port === undefined ? undefined : Number(port), pattern };
}

function parsePattern(host: string): HostRule["pattern"] | undefined {
  if (host === "*") return { kind: "any" };
  if (host.startsWith("*.")) {
    return NAME_PATTERN.test(host.slice(2)) ? { kind: "suffix", suffix: host.slice(1) } : undefined;
  }
  const [address = "", length, ...rest] = host.split("/");
  const bytes = rest.length === 0 ? parseAddress(address) : undefined;
  if (bytes === undefined) {
    // Four numbers that are no address are no name either.
    return NAME_PATTERN.test(host) && !/^[\d.]+$/.test(host) ? { kind: "name", name: host } : undefined;
  }
  const bits = bytes.length * 8;
  if (length !== undefined && (!/^\d{1,3}$/.test(length) || Number(length) > bits)) return undefined;
  return { kind: "range", bytes, prefixLength: length === undefined ? bits : Number(length) };
}

/** Whether rules need the addresses of names. */
export const needsAddresses = (rules: readonly HostRule[]): boolean =>
  rules.some(({ pattern }) => pattern.kind === "range");

/**
 * The first rule that the target meets. A range is met where `quantity` of the name's addresses lie
 * in it: one is enough to refuse, all are needed to allow.
 */
export function findRule(
  rules: readonly HostRule[],
  target: HostTarget,
  quantity: "any" | "all",
): HostRule | undefined {
  return rules.find((rule) => meets(rule, target, quantity));
}

function meets({ pattern, port }: HostRule, target: HostTarget, quantity: "any" | "all"): boolean {
  if (target.text.startsWith("unix:")) {
    if (pattern.kind === "any") return port === undefined;
    const path = target.text.slice("unix:".length);
    return pattern.kind === "socket" && (path === pattern.path || path.startsWith(`${pattern.path}/`));
  }
  const { host, port: targetPort } = splitPort(target.text);
  if (port !== undefined && String(port) !== targetPort) return false;
  const name = host.toLowerCase().replace(/\.$/, "");
  switch (pattern.kind) {
    case "any":
      return true;
    case "name":
      return name === pattern.name;
    case "suffix":
      return name.endsWith(pattern.suffix);
    case "range": {
      const inRange = (address: string) => isInRange(parseAddress(address) ?? [], pattern);
      if (target.addresses.length === 0) return false;
      return quantity === "any" ? target.addresses.some(inRange) : target.addresses.every(inRange);
    }
    case "socket":
      return false;
  }
}

/** Whether the address, as its 4 or 16 bytes, lies in the range. */
export function isInRange(
  found: readonly number[],
  { bytes, prefixLength }: { readonly bytes: readonly number[]; readonly prefixLength: number },
): boolean {
  if (found.length !== bytes.length) return false;
  return bytes.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefixLength - index * 8));
    const mask = (0xff << (8 - bits)) & 0xff;
    return (byte & mask) === ((found[index] ?? 0) & mask);
  });
}

/** `host:port`, `[address]:port`, `host` or an IPv6 address alone. */
export function splitPort(text: string): { readonly host: string; readonly port: string | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) return { host: bracketed[1] ?? "", port: bracketed[2] };
  const colon = text.indexOf(":");
  if (colon === -1 || colon !== text.lastIndexOf(":")) return { host: text, port: undefined };
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

/** The bytes of an address, 4 or 16; an IPv4 address inside IPv6 is the IPv4 address. Undefined where it is none. */
export function parseAddress(text: string): number[] | undefined {
  const v4 = parseIpv4(text);
  if (v4 !== undefined) return v4;
  const plain = text.replace(/%.*$/, "");
  if (!plain.includes(":") || !URL.canParse(`http://[${plain}]/`)) return undefined;
  // A URL's host is the address in one form: compressed, hexadecimal.
  const [head = "", tail] = new URL(`http://[${plain}]/`).hostname.slice(1, -1).split("::");
  const words = (part: string) => part === "" ? [] : part.split(":").map((word) => parseInt(word, 16));
  const before = words(head);
  const after = words(tail ?? "");
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - before.length - after.length }, () => 0);
  const bytes = [...before, ...zeros, ...after].flatMap((word) => [word >> 8, word & 0xff]);
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return isMapped ? bytes.slice(12) : bytes;
}

function parseIpv4(text: string): number[] | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const bytes = match?.slice(1).map(Number);
  return bytes?.every((byte) => byte <= 255) ? bytes : undefined;
}
