import * as v from "valibot";

/** What the configs of databases behind a URL have in common. */

export interface TlsEntry {
  readonly ssl_ca?: string | undefined;
  readonly ssl_cert?: string | undefined;
  readonly ssl_key?: string | undefined;
}

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
