import { PasskeyForm } from "../../parts/account/passkey_form.tsx";
import { TextField } from "../../parts/forms/field.tsx";
import { Mark } from "../../parts/icons.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import type { PageSso } from "../../parts/page_auth.ts";
import { Done, Notice } from "../../parts/callouts.tsx";

export interface LoginView {
  readonly frame: Frame;
  /** Where to go afterwards; a path of this server. */
  readonly next: string;
  /** The way by the identity provider, where there is one. */
  readonly sso: Pick<PageSso, "label" | "isOnly" | "startUrl"> | undefined;
  /** What is asked for. */
  readonly by: "password" | "token";
  /** What was typed as a name, where it is asked for once more. */
  readonly name?: string;
  readonly refusal?: { readonly message: string; readonly detail?: string };
  /** What was done before. */
  readonly done?: string;
  /** Where passkeys work; undefined where there can be none. */
  readonly passkeyOrigin?: string | undefined;
}

export function LoginPage({ frame, next, sso, by, name, refusal, done, passkeyOrigin }: LoginView) {
  const other = by === "password" ? "token" : "password";
  const link = `/login?${new URLSearchParams({ by: other, ...(next === "/" ? {} : { next }) })}`;
  // Where nobody signs in by a password the provider comes first, and a token for whom that leaves out.
  const isOnlySso = by === "password" && sso?.isOnly === true;
  return (
    <Layout frame={frame} title="Sign in">
      <div class="login card">
        <form class="login-form" method="post" action="/login">
          <Mark />
          <h1>Sign in</h1>
          {done !== undefined && <Done message={done} />}
          {refusal !== undefined && <Notice {...refusal} />}
          {isOnlySso ? null : by === "password" ? <PasswordFields name={name} /> : <TokenField />}
          <input type="hidden" name="next" value={next} />
          {!isOnlySso && <button class="button primary wide" type="submit">Sign in</button>}
        </form>
        {by === "password" && !isOnlySso && passkeyOrigin !== undefined && (
          <PasskeyForm
            action="/login/passkey"
            kind="get"
            options="/login/passkey/options"
            origin={passkeyOrigin}
            label="Sign in with a passkey"
          >
            <input type="hidden" name="next" value={next} />
          </PasskeyForm>
        )}
        {sso !== undefined && (
          <a class={isOnlySso ? "button primary wide" : "button wide"} href={sso.startUrl(next)}>
            {sso.label}
          </a>
        )}
        {(other === "token" || sso?.isOnly !== true) && (
          <p class="login-others">
            <a href={link}>{other === "token" ? "Sign in with a token" : "Sign in with a password"}</a>
            {by === "password" && <a href="/forgot">Forgotten password?</a>}
          </p>
        )}
      </div>
    </Layout>
  );
}

function PasswordFields({ name = "" }: { readonly name: string | undefined }) {
  return (
    <>
      <TextField
        id="username"
        label="Name or e-mail"
        value={name}
        required
        autofocus={name === ""}
        autocomplete="username"
        autocapitalize="none"
        maxlength={254}
      />
      <TextField
        id="password"
        label="Password"
        type="password"
        required
        autofocus={name !== ""}
        autocomplete="current-password"
      />
    </>
  );
}

function TokenField() {
  return (
    <>
      {/* Password managers want a name to keep the token under. */}
      <input type="text" name="username" value="sluice" autocomplete="username" hidden />
      <TextField
        id="token"
        label="Token"
        type="password"
        required
        autofocus
        autocomplete="current-password"
        hint={
          <>
            The server printed the first one when it started; <code>SLUICE_TOKEN</code> sets it.
          </>
        }
      />
    </>
  );
}
