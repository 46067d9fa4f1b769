import type { JWTPayload } from "jose";
import type { ProvidedPerson } from "../../../engine/control/sso/admission.ts";
import type { SsoSettings } from "./settings.ts";

/** More groups than anybody is in; the rest is left out. */
const MOST_GROUPS = 1_000;
const LONGEST = 254;

type Claims = Readonly<Record<string, unknown>>;

/** Whether what the ID token leaves open may be in the provider's answer to /userinfo. */
export function isIncomplete(claims: Claims, { groupsClaim, nameClaim }: SsoSettings): boolean {
  return [groupsClaim, nameClaim, "email"].some((claim) => claimOf(claims, claim) === undefined);
}

/** Who somebody is, by verified claims: of the ID token, and what that leaves open of `more`. */
export function personOf(
  idToken: JWTPayload & { readonly iss: string; readonly sub: string },
  more: Claims,
  settings: Pick<SsoSettings, "groupsClaim" | "nameClaim">,
  address: string,
): ProvidedPerson {
  const find = (claim: string) => claimOf(idToken, claim) ?? claimOf(more, claim);
  // An address and whether it is verified go together.
  const mail: Claims = idToken["email"] === undefined ? more : idToken;
  return {
    issuer: idToken.iss,
    subject: idToken.sub,
    name: textOf(find(settings.nameClaim)),
    displayName: textOf(find("name"))?.slice(0, 100),
    verifiedEmail: isTrue(mail["email_verified"]) ? emailOf(mail["email"]) : undefined,
    groups: groupsOf(find(settings.groupsClaim)),
    address,
  };
}

/** A claim by its name, or by the way to it with dots between, as `realm_access.roles`. */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split(".").reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, key)
        ? Reflect.get(value, key)
        : undefined,
    claims,
  );
}

/** Some providers send true as a text. */
const isTrue = (value: unknown) => value === true || value === "true";

function textOf(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const text = value.toWellFormed().replaceAll(/\p{C}/gu, "").trim().slice(0, LONGEST);
  return text === "" ? undefined : text;
}

function emailOf(value: unknown): string | undefined {
  const text = textOf(value);
  return text !== undefined && /^[^@\s]+@[^@\s]+$/.test(text) ? text : undefined;
}

function groupsOf(value: unknown): readonly string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.map(textOf).filter((text) => text !== undefined).slice(0, MOST_GROUPS);
}
