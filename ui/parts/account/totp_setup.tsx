import type { TotpEnrolment } from "../../../contract/access/factors.ts";
import { TextField } from "../forms/field.tsx";
import { QrCode, type QrSquares } from "./qr_code.tsx";

export interface TotpSetupView {
  readonly enrolment: TotpEnrolment;
  readonly squares: QrSquares;
}

/** The secret for an app, drawn and written out, and the field for its first code. */
export function TotpSetup(
  { enrolment, squares, action, next }: TotpSetupView & { readonly action: string; readonly next?: string },
) {
  return (
    <div class="totp-setup">
      <ol class="totp-steps">
        <li>
          <p>Scan this with an authenticator app, or type the secret into it.</p>
          <QrCode squares={squares} label="QR code of the secret" />
          <p class="totp-secret">
            <code>{enrolment.secret.replaceAll(/(.{4})(?=.)/g, "$1 ")}</code>
          </p>
        </li>
        <li>
          <form class="code-form" method="post" action={action}>
            <CodeField label="The code that it shows" hint="Six digits, new every half a minute." isDigits />
            {next !== undefined && <input type="hidden" name="next" value={next} />}
            <button class="button primary wide" type="submit">Confirm</button>
          </form>
        </li>
      </ol>
    </div>
  );
}

/** Where a code is typed; apps and browsers fill in those of six digits. */
export function CodeField(
  { label, hint, isDigits = false }: {
    readonly label: string;
    readonly hint: string;
    readonly isDigits?: boolean;
  },
) {
  return (
    <TextField
      id="code"
      label={label}
      required
      autofocus
      autocomplete="one-time-code"
      autocapitalize="characters"
      maxlength={40}
      hint={hint}
      {...(isDigits ? { inputmode: "numeric" } : {})}
    />
  );
}
