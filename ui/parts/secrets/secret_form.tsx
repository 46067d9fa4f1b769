import type { SecretView } from "../../../contract/keys/views.ts";
import { TextField } from "../forms/field.tsx";

/** Sets a secret, or replaces one. What is typed is not shown, and nobody's password manager is to keep it. */
export function SecretForm({ secrets }: { readonly secrets: readonly SecretView[] }) {
  return (
    <form class="fields" method="post" action="/secrets/set" autocomplete="off">
      <TextField
        id="secret-name"
        name="name"
        label="Name"
        list="secret-names"
        required
        maxlength={128}
        pattern="[A-Za-z_][A-Za-z0-9_.\-]*"
        autocapitalize="off"
        hint="One that is there gets the new value."
      >
        <datalist id="secret-names">
          {secrets.map(({ name }) => <option value={name} />)}
        </datalist>
      </TextField>
      <div class="field wide">
        <label for="secret-value">Value</label>
        <textarea
          id="secret-value"
          name="value"
          class="secret-value"
          rows={3}
          required
          maxlength={65_536}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          aria-describedby="secret-value-hint"
        >
        </textarea>
        <p class="hint" id="secret-value-hint">
          Several lines, as of a PEM key, are one value; a line break at its end is not part of it.
        </p>
      </div>
      <button class="button primary" type="submit">Set secret</button>
    </form>
  );
}
