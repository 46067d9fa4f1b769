import { AppError } from "../../../contract/errors.ts";
import { isIssuer } from "../../../contract/access/links.ts";
import { readSwitch, type Variables } from "../../../contract/settings/variables.ts";
import type { AdmissionRules } from "../../../engine/control/sso/admission.ts";

/** What the operator's environment says of an identity provider. */

export interface SsoSettings {
  readonly issuer: URL;
  readonly clientId: string;
  /** How this server shows the provider who it is. */
  readonly client: { readonly secret: string } | { readonly keyPem: string };
  /** Of the authorization request, with spaces between them. */
  readonly scope: string;
  readonly groupsClaim: string;
  readonly nameClaim: string;
  readonly rules: AdmissionRules;
  /** The button's words. */
  readonly label: string;
  /** Whether nobody signs in by a password. */
  readonly isOnly: boolean;
}

/** Whose tokens the API takes beside our own, and whom they have to be for. */
export interface TrustedIssuers {
  readonly issuers: readonly URL[];
  readonly audiences: readonly string[];
}

export interface SettingsSource {
  readonly env: Variables;
  readonly readFile: (path: string) => Promise<string>;
  /** Where people reach the server, where that is said. */
  readonly publicUrl: string | undefined;
}

/** Anybody in the world has an account there, or can make one: who may sign in has to be said. */
const OPEN_TO_ALL: readonly string[] = [
  "https://accounts.google.com",
  "https://gitlab.com",
  "https://login.salesforce.com",
  "https://appleid.apple.com",
];

/** Issuers of Microsoft's that stand for no tenant. */
const NO_TENANT = /^https:\/\/login\.microsoftonline\.com\/(?:common|organizations|consumers)(?:\/|$)/;

/** Undefined where no issuer is named. Throws `invalid` for settings that do not fit, with the variable's name. */
export async function readSsoSettings(source: SettingsSource): Promise<SsoSettings | undefined> {
  const { env } = source;
  const text = textOf(env, "SLUICE_OIDC_ISSUER");
  if (text === undefined) {
    for (const name of ["SLUICE_OIDC_CLIENT_ID", "SLUICE_OIDC_ONLY"]) {
      if (textOf(env, name) === undefined) continue;
      throw new AppError(
        "invalid",
        `${name} is set and SLUICE_OIDC_ISSUER is not: name the identity provider`,
      );
    }
    return undefined;
  }
  const issuer = readIssuer("SLUICE_OIDC_ISSUER", text);
  if (NO_TENANT.test(text)) {
    throw new AppError(
      "invalid",
      `SLUICE_OIDC_ISSUER is "${text}", which is no tenant of yours: expected https://login.microsoftonline.com/TENANT-ID/v2.0`,
    );
  }
  const rules = readRules(env);
  if (OPEN_TO_ALL.includes(issuer.origin) && rules.createUsers && rules.allowedDomains.length === 0) {
    throw new AppError(
      "invalid",
      `Anybody can have an account at ${issuer.origin}: say whom you let in by SLUICE_OIDC_ALLOWED_DOMAINS, ` +
        "or let nobody in who is not linked by SLUICE_OIDC_CREATE_USERS=0",
    );
  }
  return {
    issuer,
    clientId: required(env, "SLUICE_OIDC_CLIENT_ID"),
    client: await readClient(source),
    scope: readScope(env),
    groupsClaim: textOf(env, "SLUICE_OIDC_GROUPS_CLAIM") ?? "groups",
    nameClaim: textOf(env, "SLUICE_OIDC_NAME_CLAIM") ?? "preferred_username",
    rules,
    label: textOf(env, "SLUICE_OIDC_LABEL") ?? "Sign in with single sign-on",
    isOnly: readSwitch(env, "SLUICE_OIDC_ONLY"),
  };
}

/** Undefined where neither an audience nor an issuer is named. Throws `invalid`. */
export function readTrustedIssuers({ env, publicUrl }: SettingsSource): TrustedIssuers | undefined {
  const audiences = listOf(env, "SLUICE_OIDC_AUDIENCE");
  const others = listOf(env, "SLUICE_OIDC_TRUSTED_ISSUERS");
  if (audiences.length === 0 && others.length === 0) return undefined;
  const known = audiences.length > 0 ? audiences : publicUrl === undefined ? [] : [publicUrl];
  if (known.length === 0) {
    throw new AppError(
      "invalid",
      "SLUICE_OIDC_TRUSTED_ISSUERS is set, and nothing says whom their tokens have to be for: set " +
        "SLUICE_OIDC_AUDIENCE, or SLUICE_PUBLIC_URL",
    );
  }
  // The provider that people sign in at issues for others, too: it is asked for by an audience of our own.
  const own = audiences.length === 0 ? undefined : textOf(env, "SLUICE_OIDC_ISSUER");
  const issuers = [...(own === undefined ? [] : [own]), ...others];
  if (issuers.length === 0) {
    throw new AppError(
      "invalid",
      "SLUICE_OIDC_AUDIENCE is set and no issuer is: set SLUICE_OIDC_ISSUER or SLUICE_OIDC_TRUSTED_ISSUERS",
    );
  }
  const urls = issuers.map((issuer) => readIssuer("SLUICE_OIDC_TRUSTED_ISSUERS", issuer));
  return { issuers: urls, audiences: known };
}

/** Authorities of the operator's own that providers' certificates may be of, in PEM. Throws `invalid`. */
export async function readProviderCa({ env, readFile }: SettingsSource): Promise<string | undefined> {
  const path = textOf(env, "SLUICE_OIDC_CA_FILE");
  if (path === undefined) return undefined;
  const text = await fileOf(readFile, "SLUICE_OIDC_CA_FILE", path);
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new AppError("invalid", `SLUICE_OIDC_CA_FILE names "${path}", which has no certificate in PEM`);
}

function readRules(env: Variables): AdmissionRules {
  const domains = listOf(env, "SLUICE_OIDC_ALLOWED_DOMAINS").map((domain) => domain.toLowerCase());
  for (const domain of domains) {
    if (/^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/.test(domain)) continue;
    throw new AppError(
      "invalid",
      `SLUICE_OIDC_ALLOWED_DOMAINS has "${domain}", expected domains as example.com with commas between them`,
    );
  }
  return {
    createUsers: readSwitch(env, "SLUICE_OIDC_CREATE_USERS", true),
    linkByEmail: readSwitch(env, "SLUICE_OIDC_LINK_BY_EMAIL"),
    defaultRole: textOf(env, "SLUICE_OIDC_DEFAULT_ROLE"),
    allowedDomains: domains,
    groups: readGroups(env),
  };
}

/** `okta-data=finance, admins=admins`, the provider's group, then ours; with `;` between where one has a comma. */
function readGroups(env: Variables): ReadonlyMap<string, readonly string[]> | undefined {
  const pairs = listOf(env, "SLUICE_OIDC_GROUPS", env("SLUICE_OIDC_GROUPS")?.includes(";") ? ";" : ",");
  if (pairs.length === 0) return undefined;
  const groups = new Map<string, string[]>();
  for (const pair of pairs) {
    const [, theirs, ours] = /^(.+)=@?([^=@]+)$/.exec(pair) ?? [];
    if (theirs === undefined || ours === undefined) {
      throw new AppError(
        "invalid",
        `SLUICE_OIDC_GROUPS has "${pair}", expected a group of the provider's and one of yours: okta-data=finance`,
      );
    }
    groups.set(theirs.trim(), [...(groups.get(theirs.trim()) ?? []), ours.trim()]);
  }
  return groups;
}

async function readClient({ env, readFile }: SettingsSource): Promise<SsoSettings["client"]> {
  const keyPath = textOf(env, "SLUICE_OIDC_CLIENT_KEY_FILE");
  if (keyPath !== undefined) {
    return { keyPem: await fileOf(readFile, "SLUICE_OIDC_CLIENT_KEY_FILE", keyPath) };
  }
  const secretPath = textOf(env, "SLUICE_OIDC_CLIENT_SECRET_FILE");
  if (secretPath === undefined) return { secret: required(env, "SLUICE_OIDC_CLIENT_SECRET") };
  const secret = (await fileOf(readFile, "SLUICE_OIDC_CLIENT_SECRET_FILE", secretPath)).trim();
  if (secret !== "") return { secret };
  throw new AppError("invalid", `SLUICE_OIDC_CLIENT_SECRET_FILE names "${secretPath}", which is empty`);
}

async function fileOf(
  readFile: SettingsSource["readFile"],
  variable: string,
  path: string,
): Promise<string> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new AppError("invalid", `${variable} names "${path}", which cannot be read`, { cause });
  }
}

function readScope(env: Variables): string {
  const scopes = (textOf(env, "SLUICE_OIDC_SCOPES") ?? "openid profile email").split(/[\s,]+/);
  return [...new Set(["openid", ...scopes])].join(" ");
}

function readIssuer(variable: string, text: string): URL {
  if (isIssuer(text)) return new URL(text);
  throw new AppError(
    "invalid",
    `${variable} is "${text}", expected an address as https://id.example.com/realms/data; http is for this machine alone`,
  );
}

function required(env: Variables, name: string): string {
  const text = textOf(env, name);
  if (text !== undefined) return text;
  throw new AppError(
    "invalid",
    `SLUICE_OIDC_ISSUER is set and ${name} is not: the provider gave you one for Sluice`,
  );
}

const textOf = (env: Variables, name: string): string | undefined => env(name)?.trim() || undefined;

const listOf = (env: Variables, name: string, separator = ","): string[] =>
  (env(name) ?? "").split(separator).map((part) => part.trim()).filter((part) => part !== "");
