import * as v from "valibot";
import type { PlainLine } from "../../contract/connector/connector.ts";
import { isThisMachine } from "../../contract/network/this_machine.ts";
import { hostPermission } from "./hosts.ts";

/** What the configs of databases behind a URL have in common. */

export interface TlsEntry {
  readonly ssl_ca?: string | undefined;
  readonly ssl_cert?: string | undefined;
  readonly ssl_key?: string | undefined;
}

/**
 * The mode of an entry that says none: with the server's certificate verified where the line leaves this machine, where
 * an authority is named, too; within this machine nobody listens.
 */
export const defaultTlsMode = (
  hosts: readonly string[],
  { ssl_ca }: TlsEntry,
): "prefer" | "verify-full" => ssl_ca === undefined && hosts.every(isThisMachine) ? "prefer" : "verify-full";

const MAY_BE_PLAIN: readonly string[] = ["disable", "allow", "prefer"];

/** The lines over which a password would go to another machine without TLS, or might. */
export function plainLines(
  { ssl, password }: { readonly ssl: string; readonly password: unknown },
  hosts: readonly { readonly host: string; readonly port: number }[],
): PlainLine[] {
  if (password === undefined || !MAY_BE_PLAIN.includes(ssl)) return [];
  return hosts.filter(({ host }) => !isThisMachine(host)).map(({ host, port }) => ({
    host: hostPermission(host, port),
    because: ssl === "disable"
      ? "ssl is disable"
      : `ssl is ${ssl}, which goes without TLS where the server says so`,
    advice: "write ssl: verify-full, or leave ssl out",
  }));
}

/** Keys about TLS that databases behind a URL have in common. */
export const tlsEntries = {
  ssl_min_version: v.optional(v.pipe(
    v.picklist(["1.2", "1.3"]),
    v.description('The oldest TLS that will do: "1.2", the default, or "1.3".'),
  )),
  ssl_server_name: v.optional(v.pipe(
    v.string(),
    v.regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/, "expected a name, as db.example.com"),
    v.description(
      "The name that the server's certificate has to be for, where host is another one: an address, or a tunnel's end.",
    ),
  )),
};

/** What a connection's TLS has to be, beside its certificates. */
export interface TlsDemands {
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** Undefined: the host's. */
  readonly serverName: string | undefined;
}

export const tlsDemands = (
  { ssl_min_version, ssl_server_name }: v.InferOutput<v.StrictObjectSchema<typeof tlsEntries, undefined>>,
): TlsDemands => ({
  minVersion: ssl_min_version === "1.3" ? "TLSv1.3" : "TLSv1.2",
  serverName: ssl_server_name,
});

/** The mode that is meant: an authority that is named is also asked. Adds what contradicts itself to the faults. */
export function tlsMode<Mode extends string>(
  ssl: Mode,
  { ssl_ca, ssl_cert, ssl_key }: TlsEntry,
  faults: string[],
): Mode | "verify-ca" {
  if ((ssl_cert === undefined) !== (ssl_key === undefined)) {
    faults.push("ssl_cert and ssl_key need each other");
  }
  if (ssl_ca === undefined) return ssl;
  if (ssl === "require") return "verify-ca";
  if (ssl !== "verify-ca" && ssl !== "verify-full") faults.push("ssl_ca needs ssl: verify-ca or verify-full");
  return ssl;
}

/** The keys that a URL says, checked as the keys of the entry are; a fault names the key and shows no value. */
export function checkUrlKeys<Entry>(
  schema: v.GenericSchema<unknown, Entry>,
  keys: Readonly<Record<string, unknown>>,
  faults: string[],
): Entry | undefined {
  const parsed = v.safeParse(schema, keys);
  if (parsed.success) return parsed.output;
  for (const issue of parsed.issues) {
    const key = String(issue.path?.[0]?.key ?? "");
    const expected = issue.type === "picklist" ? `; expected ${issue.expected}` : "";
    faults.push(`url has a value for ${key} that has no meaning here${expected.replaceAll('"', "")}`);
  }
  return undefined;
}
