import { CheckField, TextField } from "../forms/field.tsx";
import { NewPasswordFields } from "./new_password_fields.tsx";

/** Changes the own password. */
export function PasswordForm(
  { name, hasTokens }: { readonly name: string; readonly hasTokens: boolean },
) {
  return (
    <form class="fields" method="post" action="/account/password">
      {/* Password managers want to know whose it is. */}
      <input type="text" name="username" value={name} autocomplete="username" hidden />
      <TextField
        id="current"
        label="Password until now"
        type="password"
        required
        autocomplete="current-password"
      />
      <NewPasswordFields />
      {hasTokens && <CheckField name="end_tokens" label="End your tokens too" />}
      <button class="button primary" type="submit">Change the password</button>
    </form>
  );
}
