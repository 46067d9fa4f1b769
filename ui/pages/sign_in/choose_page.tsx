import { NewPasswordFields } from "../../parts/account/new_password_fields.tsx";
import { Notice } from "../../parts/callouts.tsx";
import { CheckField, TextField } from "../../parts/forms/field.tsx";
import { Mark } from "../../parts/icons.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { plainText } from "../../parts/plain_text.ts";

export interface ChooseView {
  readonly frame: Frame;
  /** The text of the link that led here. */
  readonly link: string;
  /** Whose password it is to be. */
  readonly name: string;
  readonly kind: "invitation" | "reset" | "change";
  readonly refusal?: { readonly message: string; readonly detail?: string };
}

const LEADS: Readonly<Record<ChooseView["kind"], string>> = {
  invitation: "You are invited. Choose a password, then sign in with it.",
  reset: "Choose another password, then sign in with it. Wherever you are signed in, you are signed out.",
  change: "Your password was set by somebody else. Choose one of your own, then sign in with it.",
};

/** Where somebody who followed a link chooses a password. */
export function ChoosePage({ frame, link, name, kind, refusal }: ChooseView) {
  return (
    <Layout frame={frame} title="Choose a password">
      <form class="login card" method="post" action="/password">
        <Mark />
        <h1>Choose a password</h1>
        <p class="login-lead">{LEADS[kind]}</p>
        {refusal !== undefined && <Notice {...refusal} />}
        <input type="hidden" name="link" value={link} />
        <TextField id="username" label="Name" value={plainText(name)} readonly autocomplete="username" />
        <NewPasswordFields isFirst />
        {kind !== "invitation" && (
          <CheckField
            name="end_tokens"
            label="End the tokens of this account too"
            isChecked={kind === "reset"}
          />
        )}
        <button class="button primary wide" type="submit">Set the password</button>
      </form>
    </Layout>
  );
}
