import { PASSWORD_LENGTH } from "../../../contract/access/passwords.ts";
import { TextField } from "../forms/field.tsx";

/** The new password, twice: nobody sees what is typed. */
export function NewPasswordFields({ isFirst = false }: { readonly isFirst?: boolean }) {
  const { min, max } = PASSWORD_LENGTH;
  return (
    <>
      <TextField
        id="password"
        label="New password"
        type="password"
        required
        autofocus={isFirst}
        autocomplete="new-password"
        minlength={min}
        hint={`${min} to ${max} characters of any kind. Three or four words make a good one.`}
      />
      <TextField id="again" label="The same again" type="password" required autocomplete="new-password" />
    </>
  );
}
