import type { AuditTrail } from "../../../contract/audit/entry.ts";
import type { Clock } from "../../../contract/clock.ts";
import type { Sealer } from "../../../contract/keys/sealer.ts";
import type { Log } from "../../../contract/log.ts";
import type { PipelineSubject } from "../../../contract/access/scope.ts";
import type { Store } from "../../../engine/store/store.ts";
import type { Auth } from "../auth.ts";
import { BackchannelLogout } from "./backchannel_logout.ts";
import { discover } from "./discover.ts";
import { Issuer } from "./issuer.ts";
import { JwtBearer } from "./jwt_bearer.ts";
import { createProviderFetch } from "./provider_fetch.ts";
import {
  readProviderCa,
  readSsoSettings,
  readTrustedIssuers,
  type SettingsSource,
  type SsoSettings,
} from "./settings.ts";
import { SingleSignOn } from "./single_sign_on.ts";

export interface SsoContext extends SettingsSource {
  readonly store: Pick<Store, "people" | "access" | "sso">;
  readonly sealer: Sealer;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly log: Log;
  readonly subjects: () => Promise<readonly PipelineSubject[]>;
  readonly baseUrl: () => string;
}

/** What the operator has set up of identity providers. */
export interface Sso {
  readonly jwt: JwtBearer | undefined;
  readonly logout: BackchannelLogout | undefined;
  /** Whether nobody signs in by a password. */
  readonly isOnly: boolean;
  /** Signing in on the page. */
  signOn(auth: Auth): SingleSignOn | undefined;
}

/**
 * Reads the environment. Nobody is asked yet: a server starts while its provider is away. Throws `invalid` for settings
 * that do not fit.
 */
export async function openSso(context: SsoContext): Promise<Sso> {
  const { store, clock, log, audit } = context;
  const settings = await readSsoSettings(context);
  const trusted = readTrustedIssuers(context);
  const ca = await readProviderCa(context);
  const own = settings &&
    { settings, issuer: createIssuer(settings.issuer, clock, { client: settings, ca, log }) };
  return {
    jwt: trusted && new JwtBearer({
      issuers: trusted.issuers.map((url) =>
        url.href === own?.issuer.url.href ? own.issuer : createIssuer(url, clock, { ca, log })
      ),
      audiences: trusted.audiences,
      clientId: settings?.clientId,
      workloads: { access: store.access, links: store.sso.links, clock },
      clock,
      log,
    }),
    logout: own && new BackchannelLogout({
      issuer: own.issuer,
      clientId: own.settings.clientId,
      sessions: store.sso.sessions,
      access: store.access,
      audit,
      clock,
    }),
    isOnly: own?.settings.isOnly ?? false,
    signOn: (auth) => own && createSignOn(context, own.settings, own.issuer, auth),
  };
}

export interface IssuerSetting {
  /** The client that Sluice is to it; none where it is known for its tokens alone. */
  readonly client?: Pick<SsoSettings, "clientId" | "client">;
  readonly ca: string | undefined;
  /** Told when it does not do its part. */
  readonly log?: Log;
}

export function createIssuer(url: URL, clock: Clock, { client, ca, log }: IssuerSetting): Issuer {
  const fetch = createProviderFetch({ issuer: url, ca });
  return new Issuer({
    issuer: url,
    fetch,
    clock,
    discover: () => discover(url, fetch, client),
    onFailure: ({ message }) => log?.("warn", message),
  });
}

function createSignOn(context: SsoContext, settings: SsoSettings, issuer: Issuer, auth: Auth): SingleSignOn {
  const { store, sealer, audit, clock, log, subjects, baseUrl } = context;
  return new SingleSignOn({
    settings,
    issuer,
    auth,
    admission: {
      people: store.people,
      access: store.access,
      sso: store.sso,
      audit,
      clock,
      owners: async () => new Set((await subjects()).flatMap(({ owner }) => owner ?? [])),
    },
    sessions: store.sso.sessions,
    sealer,
    audit,
    clock,
    log,
    baseUrl,
  });
}
