import { PASSWORD_LENGTH } from "../../../contract/access/passwords.ts";

/** The new password, twice: nobody sees what is typed. */
export function NewPasswordFields({ isFirst = false }: { readonly isFirst?: boolean }) {
  const { min, max } = PASSWORD_LENGTH;
  return (
    <>
      <div class="field">
        <label for="password">New password</label>
        <input
          id="password"
          name="password"
          type="password"
          required
          autofocus={isFirst}
          autocomplete="new-password"
          spellcheck={false}
          minlength={min}
          aria-describedby="password-hint"
        />
        <p class="hint" id="password-hint">
          {`${min} to ${max} characters of any kind. Three or four words make a good one.`}
        </p>
      </div>
      <div class="field">
        <label for="again">The same again</label>
        <input
          id="again"
          name="again"
          type="password"
          required
          autocomplete="new-password"
          spellcheck={false}
        />
      </div>
    </>
  );
}
