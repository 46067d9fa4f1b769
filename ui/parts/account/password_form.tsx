import { NewPasswordFields } from "./new_password_fields.tsx";

/** Changes the own password. */
export function PasswordForm({ name }: { readonly name: string }) {
  return (
    <form class="fields" method="post" action="/account/password">
      {/* Password managers want to know whose it is. */}
      <input type="text" name="username" value={name} autocomplete="username" hidden />
      <div class="field">
        <label for="current">Password until now</label>
        <input
          id="current"
          name="current"
          type="password"
          required
          autocomplete="current-password"
          spellcheck={false}
        />
      </div>
      <NewPasswordFields />
      <button class="button primary" type="submit">Change the password</button>
    </form>
  );
}
