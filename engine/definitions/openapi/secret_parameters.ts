import { plainName } from "./json_value.ts";
import type { Parameter } from "./operations.ts";
import { HEADER, secretPrefix, type SignIn } from "./sign_in.ts";

/** Parameters that sign in, though the document has them among the others: a pipeline must not name their values. */

const SECRET = /(?:token|apikey|secret|password|passwd|signature|authorization|accesskey|authkey)$/;

/** Whether what a parameter carries is a secret. */
export const isSecret = ({ name, description }: Parameter): boolean =>
  SECRET.test(plainName(name)) || plainName(name) === "key" && /\bapi[ -]?key\b/i.test(description);

/**
 * The sign-in with the secret parameters that streams cannot do without: as headers of the connector, and one of the query as its `auth`
 * where the document tells of no other.
 */
export function withSecretParameters(
  signIn: SignIn,
  parameters: readonly Parameter[],
  connector: string,
): SignIn {
  let { auth } = signIn;
  const headers: Record<string, string> = { ...signIn.headers };
  const secrets: Record<string, string> = { ...signIn.secrets };
  const notes = [...signIn.notes];
  const known = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  if (auth !== undefined) known.add("authorization");
  const ofAuth = auth?.["name"];
  if (typeof ofAuth === "string") known.add(ofAuth.toLowerCase());
  for (
    const { name, place } of new Map(parameters.map((one) => [`${one.place} ${one.name}`, one])).values()
  ) {
    if (known.has(name.toLowerCase())) continue;
    known.add(name.toLowerCase());
    const secret = `${secretPrefix(connector)}_${secretPrefix(name)}`.slice(0, 100);
    const reference = `\${secret:${secret}}`;
    if (place === "query" && auth !== undefined) {
      notes.push(`the parameter ${name} is left out: the connector signs in by its auth`);
      continue;
    }
    if (place === "query") auth = { type: "api_key", api_key: reference, name, location: "query" };
    else if (HEADER.test(name)) headers[name] = reference;
    else continue;
    secrets[secret] = `The ${place === "query" ? "parameter" : "header"} ${name}, as it is sent.`;
    notes.push(`${name} is needed and signs in, so it is a secret of the connector`);
  }
  return { ...signIn, auth, headers, secrets, notes };
}
