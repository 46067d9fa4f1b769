import type { FactorKind } from "../../../contract/access/factors.ts";
import { PasskeyForm } from "../../parts/account/passkey_form.tsx";
import { RecoveryCodes } from "../../parts/account/recovery_codes.tsx";
import { CodeField, TotpSetup, type TotpSetupView } from "../../parts/account/totp_setup.tsx";
import { Notice } from "../../parts/callouts.tsx";
import { Mark } from "../../parts/icons.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { plainText } from "../../parts/plain_text.ts";

type Refusal = { readonly message: string; readonly detail?: string };

/** Where passkeys work, or why there can be none. */
export type PasskeysAt = { readonly origin: string } | { readonly unavailable: string };

export interface FactorView {
  readonly frame: Frame;
  /** Those that the user has. */
  readonly kinds: readonly FactorKind[];
  readonly passkeysAt: PasskeysAt;
  /** Where to go afterwards; a path of this server. */
  readonly next: string;
  readonly refusal?: Refusal | undefined;
}

/** What is asked for after a right password. */
export function FactorPage({ frame, kinds, passkeysAt, next, refusal }: FactorView) {
  const origin = kinds.includes("passkey") && "origin" in passkeysAt ? passkeysAt.origin : undefined;
  const hasApp = kinds.includes("totp");
  return (
    <Layout frame={frame} title="Second factor">
      <div class="login card">
        <Mark />
        <h1>Second factor</h1>
        {refusal !== undefined && <Notice {...refusal} />}
        {origin !== undefined && (
          <>
            <PasskeyForm
              action="/login/factor/passkey"
              kind="get"
              options="/login/factor/passkey/options"
              origin={origin}
              label="Use a passkey"
              isPrimary
            >
              <input type="hidden" name="next" value={next} />
            </PasskeyForm>
            <p class="login-or">or</p>
          </>
        )}
        <form class="code-form" method="post" action="/login/factor">
          <CodeField
            label={hasApp ? "Code" : "Recovery code"}
            hint={hasApp
              ? "The six digits that your authenticator app shows, or one of your recovery codes."
              : "One of those that you have kept: each signs you in once."}
          />
          <input type="hidden" name="next" value={next} />
          <button class={`button wide${origin === undefined ? " primary" : ""}`} type="submit">
            Sign in
          </button>
        </form>
        <p class="login-others">
          <a href="/login">Begin again</a>
        </p>
      </div>
    </Layout>
  );
}

export interface EnrolView {
  readonly frame: Frame;
  /** Whom the factor will be of. */
  readonly name: string;
  readonly passkeysAt: PasskeysAt;
  /** An app that is being set up. */
  readonly totp?: TotpSetupView | undefined;
  readonly next: string;
  readonly refusal?: Refusal | undefined;
}

/** Where somebody who must have a second factor gets the first one, before anything else. */
export function EnrolPage({ frame, name, passkeysAt, totp, next, refusal }: EnrolView) {
  const isTotp = totp !== undefined;
  return (
    <Layout frame={frame} title="Second factor">
      <div class="login card">
        <Mark />
        <h1>{isTotp ? "Set up an app" : "A second factor is needed"}</h1>
        {refusal !== undefined && <Notice {...refusal} />}
        {isTotp ? <TotpSetup {...totp} action="/login/enrol/totp/confirm" next={next} /> : (
          <>
            <p class="login-lead">
              {`This server lets ${
                plainText(name)
              } in with a password and a second factor alone: add one now.`}
            </p>
            <form class="code-form" method="post" action="/login/enrol/totp">
              <input type="hidden" name="next" value={next} />
              <button class="button wide primary" type="submit">Set up an authenticator app</button>
            </form>
            {"origin" in passkeysAt && (
              <>
                <p class="login-or">or</p>
                <PasskeyForm
                  action="/login/enrol/passkey"
                  kind="create"
                  options="/login/enrol/passkey/options"
                  origin={passkeysAt.origin}
                  label="Add a passkey"
                >
                  <input type="hidden" name="next" value={next} />
                  <input type="hidden" name="name" value="First passkey" />
                </PasskeyForm>
              </>
            )}
          </>
        )}
        <p class="login-others">
          <a href={isTotp ? `/login/factor?${new URLSearchParams({ next })}` : "/login"}>
            {isTotp ? "Choose another factor" : "Begin again"}
          </a>
        </p>
      </div>
    </Layout>
  );
}

export interface CodesView {
  readonly frame: Frame;
  readonly codes: readonly string[];
  readonly next: string;
}

/** Recovery codes, just made. */
export function CodesPage({ frame, codes, next }: CodesView) {
  return (
    <Layout frame={frame} title="Recovery codes">
      <div class="login card">
        <h1>Recovery codes</h1>
        <RecoveryCodes codes={codes} />
        <a class="button primary wide" href={next}>I have kept them</a>
      </div>
    </Layout>
  );
}
