import { FactorsSection, type FactorsSectionView } from "../../parts/account/factors_section.tsx";
import { PasskeyForm } from "../../parts/account/passkey_form.tsx";
import { CodeField, TotpSetup, type TotpSetupView } from "../../parts/account/totp_setup.tsx";
import { Notice } from "../../parts/callouts.tsx";
import { TextField } from "../../parts/forms/field.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";

/** Where one's own factors are. */
export const OWN_FACTORS = "/account/factors";

type Refusal = { readonly message: string; readonly detail?: string };

/** One's own second factors. */
export function FactorsPage(
  { frame, factors, passkeysAt, refusal }: Omit<FactorsSectionView, "nowMs"> & {
    readonly frame: Frame;
    readonly refusal?: Refusal | undefined;
  },
) {
  return (
    <Layout frame={frame} title="Second factors" section="account">
      <div class="page-head">
        <div class="page-title">
          <h1>Second factors</h1>
          <p class="lead">What signs you in beside your password, or in place of it.</p>
        </div>
      </div>
      {refusal !== undefined && <Notice {...refusal} />}
      <FactorsSection factors={factors} passkeysAt={passkeysAt} nowMs={frame.nowMs} />
    </Layout>
  );
}

/** Where an authenticator app is set up. */
export function TotpPage(
  { frame, totp, refusal }: {
    readonly frame: Frame;
    readonly totp: TotpSetupView;
    readonly refusal?: Refusal | undefined;
  },
) {
  return (
    <Layout frame={frame} title="Authenticator app">
      <div class="login card">
        <h1>Set up an app</h1>
        {refusal !== undefined && <Notice {...refusal} />}
        <TotpSetup {...totp} action="/account/factors/totp/confirm" />
        <p class="login-others">
          <a href="/account/factors">Back to the factors</a>
        </p>
      </div>
    </Layout>
  );
}

export interface ProveView {
  readonly frame: Frame;
  readonly hasPassword: boolean;
  readonly hasCodes: boolean;
  /** Where the user's passkeys work, where there are some. */
  readonly passkeyOrigin?: string | undefined;
  readonly refusal?: Refusal | undefined;
  /** Where to go afterwards; a path of this server. */
  readonly next: string;
}

/** Where somebody who has signed in a while ago shows once more who they are. */
export function ProvePage({ frame, hasPassword, hasCodes, passkeyOrigin, refusal, next }: ProveView) {
  const isOwn = next === OWN_FACTORS;
  const canProve = hasPassword || hasCodes || passkeyOrigin !== undefined;
  return (
    <Layout frame={frame} title="Is it you?">
      <div class="login card">
        <h1>Is it you?</h1>
        <p class="login-lead">
          {canProve
            ? "Passwords and factors are changed by whoever has shown who they are within the last ten minutes."
            : isOwn
            ? "A second factor stands beside a password, and you have none: ask an admin to set one for you first."
            : "You have no password here to show it by: sign out and in again, and go on within ten minutes."}
        </p>
        {refusal !== undefined && <Notice {...refusal} />}
        {passkeyOrigin !== undefined && (
          <PasskeyForm
            action="/account/prove/passkey"
            kind="get"
            options="/account/prove/passkey/options"
            origin={passkeyOrigin}
            label="Use a passkey"
          >
            <input type="hidden" name="next" value={next} />
          </PasskeyForm>
        )}
        {hasPassword && (
          <form class="code-form" method="post" action="/account/prove">
            <input type="hidden" name="next" value={next} />
            {/* Password managers want to know whose it is. */}
            <input type="text" name="username" value={frame.user?.name} autocomplete="username" hidden />
            <TextField
              id="password"
              label="Password"
              type="password"
              required
              autofocus
              autocomplete="current-password"
            />
            <button class="button wide" type="submit">Go on</button>
          </form>
        )}
        {hasCodes && (
          <form class="code-form" method="post" action="/account/prove">
            <input type="hidden" name="next" value={next} />
            <CodeField label="Code" hint="Of your authenticator app, or a recovery code." />
            <button class="button wide" type="submit">Go on</button>
          </form>
        )}
        <p class="login-others">
          <a href={next}>Back</a>
        </p>
      </div>
    </Layout>
  );
}
