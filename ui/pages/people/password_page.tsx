import { NewPasswordFields } from "../../parts/account/new_password_fields.tsx";
import { Notice } from "../../parts/callouts.tsx";
import { CheckField } from "../../parts/forms/field.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { plainText } from "../../parts/plain_text.ts";

export interface SetPasswordView {
  readonly frame: Frame;
  /** Whose password it is to be. */
  readonly user: { readonly id: string; readonly name: string };
  readonly refusal?: { readonly message: string; readonly detail?: string } | undefined;
}

/** Where somebody who manages users sets the password of one. */
export function SetPasswordPage({ frame, user: { id, name }, refusal }: SetPasswordView) {
  return (
    <Layout frame={frame} title={`Password of ${name}`} section="people">
      <form class="login card" method="post" action={`/people/users/${encodeURIComponent(id)}/password`}>
        <h1>Set a password</h1>
        <p class="login-lead">
          For {plainText(name)}: all sessions end, and a mail says so where one can be sent.
        </p>
        {refusal !== undefined && <Notice {...refusal} />}
        {/* Password managers want to know whose it is. */}
        <input type="text" name="username" value={plainText(name)} autocomplete="off" hidden />
        <NewPasswordFields isFirst />
        <CheckField name="must_change" label="Lets in only to choose another one" isChecked />
        <CheckField name="end_tokens" label={`End the tokens of ${plainText(name)} too`} isChecked />
        <button class="button primary wide" type="submit">Set the password</button>
        <p class="login-others">
          <a href="/people">Back to people</a>
        </p>
      </form>
    </Layout>
  );
}
