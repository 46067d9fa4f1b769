import { Done, Notice } from "../../parts/callouts.tsx";
import { TextField } from "../../parts/forms/field.tsx";
import { Mark } from "../../parts/icons.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";

export interface ForgotView {
  readonly frame: Frame;
  /** Whether this server sends mails. */
  readonly canMail: boolean;
  /** Whether one was asked for just now. */
  readonly isAsked: boolean;
  readonly refusal?: { readonly message: string };
}

/** Where somebody asks for another password. The answer is the same for everybody. */
export function ForgotPage({ frame, canMail, isAsked, refusal }: ForgotView) {
  return (
    <Layout frame={frame} title="Forgotten password">
      <div class="login card">
        <form class="login-form" method="post" action="/forgot">
          <Mark />
          <h1>Forgotten password</h1>
          {refusal !== undefined && <Notice {...refusal} />}
          {isAsked && (
            <Done
              message="If there is such a user, a mail is on its way"
              detail="Its link is good for an hour. No mail? Look among the unwanted ones, or ask an admin."
            />
          )}
          {!canMail && <p>This server sends no mail: ask an admin to set another password for you.</p>}
          {canMail && !isAsked && (
            <>
              <TextField
                id="username"
                label="Name or e-mail"
                required
                autofocus
                autocomplete="username"
                autocapitalize="none"
                maxlength={254}
              />
              <button class="button primary wide" type="submit">Send a link</button>
            </>
          )}
        </form>
        <p class="login-others">
          <a href="/login?by=password">Back to signing in</a>
        </p>
      </div>
    </Layout>
  );
}
