import { isThisMachine } from "../../../contract/network/this_machine.ts";
import type { Fault, SourcePlace } from "../../../text/fault.ts";
import type { DocumentPath } from "../../../text/yaml_document.ts";
import { type WrittenSecret, writtenSecrets } from "../../secrets/written_secrets.ts";
import type { TypedEntry } from "../named_entries.ts";

/** Entries of connectors.yaml or of notifiers.yaml, and where their values stand. */
export interface PlacedEntries {
  readonly entries: Readonly<Record<string, TypedEntry>>;
  place(path: DocumentPath): SourcePlace;
}

/**
 * Warnings about secrets that stand in a file of the project in plain text, each with the reference that belongs there.
 * None about systems of this machine: a database for trying things has a password that is none.
 */
export function plainSecrets({ entries, place }: PlacedEntries): Fault[] {
  return Object.entries(entries).filter(([, entry]) => !isOfThisMachine(entry)).flatMap(([name, entry]) =>
    writtenSecrets(entry).map((secret): Fault => ({
      ...place([name, ...secret.path]),
      message: messageOf(name, secret),
      severity: "warning",
    }))
  );
}

function messageOf(name: string, { path, part }: WrittenSecret): string {
  const key = String(path.findLast((step) => typeof step === "string") ?? "");
  const reference = `\${secret:${secretName(name, key)}}`;
  if (part === "all") {
    return `${name}.${path.join(".")}: the ${
      wordsOf(key)
    } stands in the file in plain text; put it into ${reference}`;
  }
  const what = part === "password of an address" ? "password" : "secret";
  return `${name}.${path.join(".")}: the ${what} in the address stands in the file in plain text; ` +
    `put the whole address into ${reference}`;
}

/** `auth_token` as `auth token`. */
const wordsOf = (key: string): string => key.replaceAll("_", " ");

/** `shop` and `password` as `SHOP_PASSWORD`. */
const secretName = (entry: string, key: string): string =>
  `${entry}_${key}`.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_").slice(0, 128);

function isOfThisMachine(entry: TypedEntry): boolean {
  const { host, url, base_url: baseUrl, endpoint } = entry;
  const hosts = [host, ...[url, baseUrl, endpoint].map(hostOf)].filter((one) => typeof one === "string");
  return hosts.length > 0 && hosts.every(isThisMachine);
}

function hostOf(url: unknown): string | undefined {
  if (typeof url !== "string") return undefined;
  // With a reference in it, or with a password as people write it, it may be no URL.
  return /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?(\[[^\]]*\]|[^/?#:]*)/i.exec(url)?.[1];
}
