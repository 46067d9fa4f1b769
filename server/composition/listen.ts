import { systemClock } from "../../contract/clock.ts";
import { toAppError } from "../../contract/errors.ts";
import { ENV_TOKEN_NAME } from "../../contract/names.ts";
import { readCount } from "../../contract/settings/variables.ts";
import { storePlaces } from "../../engine/control/access/store_places.ts";
import { auditSinks, startServerAudit } from "../../engine/control/audit/server_audit.ts";
import { createVisitors } from "../../engine/control/audit/visitors.ts";
import { relyingPartyOf } from "../../engine/control/factors/relying_party.ts";
import { createPeople } from "../../engine/control/people/local_people.ts";
import { readRemoteSettings } from "../../engine/definitions/git/settings.ts";
import { createAccountMail, readMailSettings } from "../../engine/control/people/mail/account_mail.ts";
import { createHasher } from "../../engine/control/people/passwords/hasher.ts";
import { applyingSecrets } from "../../engine/control/secrets/applying_secrets.ts";
import { OwnAccount } from "../auth/account/own_account.ts";
import { Auth } from "../auth/auth.ts";
import { ClientCertificates } from "../auth/client_certificates.ts";
import { createSignIn } from "../auth/create_sign_in.ts";
import { readFactorRequirement } from "../auth/factors/requirement.ts";
import { Forgotten } from "../auth/forgotten.ts";
import { readSessionTimes } from "../auth/session_times.ts";
import { openSso } from "../auth/sso/open_sso.ts";
import { checkEnvToken, ensureFirstToken, renewLocalToken, SCRAPE_TOKEN_NAME } from "../auth/token.ts";
import { createClientView } from "../http/client_view.ts";
import { openFront } from "../http/front.ts";
import { createRequestRates, readRequestRate } from "../http/request_rate.ts";
import { createApp } from "../routes/app.ts";
import { createOAuth } from "../routes/oauth.ts";
import { createPages } from "../../ui/pages/create_pages.tsx";
import type { ListeningServer, ListenOptions } from "../backend.ts";
import type { Program } from "../program.ts";
import { isStoreAlone } from "./control_store.ts";
import { env } from "./environment.ts";
import { readPublicUrl } from "./public_url.ts";

/** What a request may still take after the server was told to stop. */
const SHUTDOWN_MS = 5_000;

/** See Backend. */
export async function listen(program: Program, options: ListenOptions): Promise<ListeningServer> {
  const { opened: { engine, store, audit }, phase, log, firstTokenMark } = options;
  const { proxy: { allowedHosts, trustProxy, strictSeconds } } = options;
  const client = createClientView(options.proxy);
  const { version } = program;
  const clock = systemClock;
  const envToken = env(ENV_TOKEN_NAME);
  checkEnvToken(envToken);
  const scrapeToken = env(SCRAPE_TOKEN_NAME);
  checkEnvToken(scrapeToken, SCRAPE_TOKEN_NAME);
  const sinks = await auditSinks(env);
  const { access } = store;
  const places = storePlaces(store);
  const hasher = createHasher();
  const sessions = readSessionTimes(env);
  const publicUrl = readPublicUrl();
  const publicBase = publicUrl?.replace(/\/+$/, "");
  const mail = readMailSettings(env, publicUrl);
  const people = createPeople({
    ...store,
    hasher,
    clock,
    sessionIdleMs: sessions.idleMs,
    publicUrl: publicBase,
    mail: mail && createAccountMail(mail),
    trail: audit,
    log,
  });
  const rates = createRequestRates(clock, readRequestRate(env("SLUICE_REQUEST_RATE")));
  const secrets = applyingSecrets(await options.opened.secrets(), () => {
    const failed = (error: unknown) =>
      log("warn", `the project could not be applied: ${toAppError(error).message}`);
    void engine.applyProject({ isAutomatic: true }).catch(failed);
  });
  const baseUrl = () => publicBase ?? front.url;
  const { sealer } = options.opened;
  const { subjects } = places;
  const shared = { access, audit, clock, log, baseUrl };
  const sso = await openSso({
    ...shared,
    env,
    readFile: Deno.readTextFile,
    publicUrl,
    store,
    sealer,
    subjects,
  });
  const auth = new Auth({
    access,
    clock,
    client,
    jwt: sso.jwt,
    certificates: options.tls?.clientCaPath === undefined ? undefined : new ClientCertificates({
      workloads: { access, links: store.sso.links, clock },
      clock,
      log,
    }),
    log,
    subjects,
    scrapeToken,
    rate: rates?.user,
    sessions,
    audit,
  });
  const account = new OwnAccount({
    people,
    access,
    passwords: store.passwords,
    clock,
    audit,
    subjects,
  });
  const signIns = createSignIn({
    store,
    auth,
    hasher,
    links: people.passwordLinks,
    sealer,
    clock,
    audit,
    log,
    isPasswordOff: sso.isOnly,
    requirement: readFactorRequirement(env),
    relyingParty: () => relyingPartyOf(publicUrl, front.url),
  });
  const { proofs } = signIns.secondFactor;
  const visitors = createVisitors({
    engine,
    people,
    places,
    audit,
    store,
    clock,
    requireProof: (principal) => proofs.requireForOthers(principal),
  });
  const app = createApp({
    ...visitors,
    server: engine.server,
    secrets,
    account,
    ownFactors: signIns.secondFactor.own,
    auth,
    webhooks: engine.receiver,
    gitHook: readGitHook(() => engine.pull()),
    version,
    clock,
    log,
    phase,
    readMetrics: async () => front.withExpiry(await engine.metrics.read(version)),
    addressRate: rates?.address,
    oauth: createOAuth({ ...shared, sso, addressOf: (c) => auth.addressOf(c) }),
    client,
    pages: createPages({
      client,
      ...visitors,
      places,
      secrets,
      links: people.passwordLinks,
      auth,
      ...signIns,
      sso: sso.signOn(auth),
      account,
      forgotten: new Forgotten({ resets: people.passwordResets, isOff: sso.isOnly, auth, clock }),
      version,
      clock,
      log,
    }),
    ...(allowedHosts === undefined ? {} : { allowedHosts }),
    strictTransport: { ...client, seconds: strictSeconds },
  });
  const front = await openFront(app, { ...options, trustProxy, clock });
  options.opened.asked.certificateProblem = front.certificateProblem;
  try {
    // Only now: a port in use must not cost the one token that is shown once.
    const auditing = await startServerAudit({
      audit,
      store,
      clock,
      log,
      isAlone: isStoreAlone(),
      version,
      keepDays: readCount(env, "SLUICE_KEEP_AUDIT_DAYS", 400),
      sinks,
    });
    const firstToken = await ensureFirstToken(access, envToken, firstTokenMark, clock);
    return {
      url: front.url,
      ...(front.socket === undefined ? {} : { socket: front.socket }),
      localToken: await renewLocalToken(access, clock),
      signInUrl: `${front.url}/login`,
      ...(firstToken === undefined ? {} : { firstToken }),
      async close() {
        await front.close(SHUTDOWN_MS);
        await auditing[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await front.close(0);
    throw error;
  }
}

/** Undefined where no repository is named. */
function readGitHook(pull: () => void) {
  const remote = readRemoteSettings(env);
  return remote && { secret: remote.webhookSecret, pull };
}
