import type { Child } from "hono/jsx";

interface PasskeyFormProps {
  /** Where what the authenticator says is posted, as the field `answer`. */
  readonly action: string;
  readonly kind: "get" | "create";
  /** Where the script gets the options. */
  readonly options: string;
  /** Where passkeys work. */
  readonly origin: string;
  readonly label: string;
  readonly isPrimary?: boolean;
  readonly children?: Child;
}

/** A form that the browser's own window for passkeys answers, by the page's script. */
export function PasskeyForm(
  { action, kind, options, origin, label, isPrimary = false, children }: PasskeyFormProps,
) {
  return (
    <form
      class="passkey-form"
      method="post"
      action={action}
      data-passkey={kind}
      data-options={options}
      data-origin={origin}
    >
      {children}
      <input type="hidden" name="answer" value="" />
      {/* The script lets it be pressed. */}
      <button class={`button wide${isPrimary ? " primary" : ""}`} type="submit" disabled>{label}</button>
      <p class="hint passkey-said" data-passkey-said role="status" hidden></p>
      <p class="hint" data-passkey-without>Passkeys need JavaScript.</p>
    </form>
  );
}
