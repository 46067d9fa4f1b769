import type { Gtid, GtidSet, TakenGtids } from "./gtid.ts";

const showGtid = ({ origin, server, sequence }: Gtid): string => `${origin}-${server}-${sequence}`;

/**
 * MariaDB's form, as `0-1-100,7-2-5`: the last transaction of each domain, in which the order is the same on
 * every server. Source: https://mariadb.com/kb/en/gtid/
 */
export class MariadbGtids implements GtidSet {
  readonly #last = new Map<string, Gtid>();

  /** Undefined for a text that is none. */
  static parse(text: string): MariadbGtids | undefined {
    const gtids = new MariadbGtids();
    for (const part of text.split(",").map((part) => part.trim()).filter((part) => part !== "")) {
      const [, origin, server, sequence] = /^(\d+)-(\d+)-(\d+)$/.exec(part) ?? [];
      if (origin === undefined || sequence === undefined) return undefined;
      gtids.add({ origin, server: Number(server), sequence: BigInt(sequence) });
    }
    return gtids;
  }

  get text(): string {
    return [...this.#last.values()].toSorted((a, b) => Number(a.origin) - Number(b.origin)).map(showGtid)
      .join(",");
  }

  add(gtid: Gtid): void {
    this.#last.set(gtid.origin, gtid);
  }

  /** The domain's last transaction, as `0-1-100`. */
  last(domain: string): string | undefined {
    const gtid = this.#last.get(domain);
    return gtid === undefined ? undefined : showGtid(gtid);
  }

  get domains(): readonly string[] {
    return [...this.#last.keys()];
  }

  /** Of some domains. */
  only(isMeant: (domain: string) => boolean): MariadbGtids {
    const some = new MariadbGtids();
    for (const gtid of this.#last.values()) if (isMeant(gtid.origin)) some.add(gtid);
    return some;
  }

  /** Of domains that are at another transaction in `other`. */
  without(other: MariadbGtids): MariadbGtids {
    return this.only((domain) => other.last(domain) !== this.last(domain));
  }

  /** With what `other` has of the domains that it names. */
  with(other: MariadbGtids): MariadbGtids {
    const both = new MariadbGtids();
    for (const gtid of [...this.#last.values(), ...other.#last.values()]) both.add(gtid);
    return both;
  }
}

/** In each domain, all up to the transaction that it names. */
export class AwaitedGtids implements TakenGtids {
  readonly #awaited: Map<string, string>;

  constructor(last: MariadbGtids) {
    this.#awaited = new Map(last.domains.map((domain) => [domain, last.last(domain) ?? ""]));
  }

  get text(): string | undefined {
    return this.#awaited.size === 0 ? undefined : [...this.#awaited.values()].join(",");
  }

  take(gtid: Gtid): boolean {
    const awaited = this.#awaited.get(gtid.origin);
    if (awaited === undefined) return false;
    if (awaited === showGtid(gtid)) this.#awaited.delete(gtid.origin);
    return true;
  }

  missing(): string | undefined {
    return this.text;
  }
}
