import { systemClock } from "../../../../contract/clock.ts";
import { toAppError } from "../../../../contract/errors.ts";
import { createIssuer, type IssuerSetting } from "../../../auth/sso/open_sso.ts";
import {
  readProviderCa,
  readSsoSettings,
  readTrustedIssuers,
  type SettingsSource,
} from "../../../auth/sso/settings.ts";
import type { DoctorCheck } from "./doctor_check.ts";

const CHECK = "single sign-on";

/** The identity providers that this environment names: whether each gives metadata and keys. Nothing where it names none. */
export async function checkSignOn(source: SettingsSource): Promise<DoctorCheck[]> {
  try {
    const settings = await readSsoSettings(source);
    const trusted = readTrustedIssuers(source)?.issuers ?? [];
    const own = settings?.issuer.href;
    const ca = await readProviderCa(source);
    const others = trusted.filter(({ href }) => href !== own);
    return await Promise.all([
      ...(settings === undefined ? [] : [checkIssuer(settings.issuer, { client: settings, ca })]),
      ...others.map((issuer) => checkIssuer(issuer, { ca })),
    ]);
  } catch (error) {
    return [{ check: CHECK, state: "failed", message: toAppError(error).message }];
  }
}

async function checkIssuer(url: URL, setting: IssuerSetting): Promise<DoctorCheck> {
  try {
    const issuer = createIssuer(url, systemClock, setting);
    const { issuer: name, end_session_endpoint: end } = (await issuer.configuration()).serverMetadata();
    await issuer.readKeys();
    const rest = setting.client === undefined || end !== undefined
      ? ""
      : "; it names no way to sign out there";
    return { check: CHECK, state: "ok", message: `${name} gives its metadata and keys${rest}` };
  } catch (error) {
    return { check: CHECK, state: "failed", message: toAppError(error).message };
  }
}
