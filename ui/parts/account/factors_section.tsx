import type { Child } from "hono/jsx";
import type { FactorsView, PasskeyView } from "../../../contract/access/factors.ts";
import { ActionForm } from "../action_form.tsx";
import { Empty } from "../empty.tsx";
import { TextField } from "../forms/field.tsx";
import { plainText } from "../plain_text.ts";
import { DataTable } from "../tables/data_table.tsx";
import { Ago } from "../times.tsx";
import { PasskeyForm } from "./passkey_form.tsx";

export interface FactorsSectionView {
  readonly factors: FactorsView;
  /** Where passkeys work, or why there can be none. */
  readonly passkeysAt: { readonly origin: string } | { readonly unavailable: string };
  readonly nowMs: number;
}

/** What somebody has beside the password: an app, passkeys, and recovery codes for when both are lost. */
export function FactorsSection({ factors, passkeysAt, nowMs }: FactorsSectionView) {
  const { totp, passkeys, recovery_codes: codes } = factors;
  const hasSome = totp !== null || passkeys.length > 0;
  return (
    <>
      {hasSome
        ? (
          <DataTable label="Second factors" heads={["Factor", "Added", "Last used", ""]} stacks>
            {totp !== null && (
              <FactorRow name="Authenticator app" times={totp} nowMs={nowMs}>
                <ActionForm
                  action="/account/factors/totp/remove"
                  icon="stop"
                  kind="quiet"
                  label="Remove"
                  title="Remove the authenticator app"
                />
              </FactorRow>
            )}
            {passkeys.map((passkey) => <PasskeyRow passkey={passkey} nowMs={nowMs} />)}
            <tr class="people-row">
              <th scope="row">Recovery codes</th>
              <td data-head="Left" colspan={2}>
                {codes === 0 ? "None is left: make new ones." : `${codes} of 10 are left`}
              </td>
              <td class="row-action">
                <ActionForm
                  action="/account/factors/recovery"
                  icon="retry"
                  kind="quiet"
                  label="Make new ones"
                />
              </td>
            </tr>
          </DataTable>
        )
        : (
          <div class="card">
            <Empty title="A password alone signs you in">
              <p>With an app or a passkey beside it, who learns your password still gets nowhere.</p>
            </Empty>
          </div>
        )}
      <div class="factor-actions">
        <form class="card form-card" method="post" action="/account/factors/totp">
          <h3>Authenticator app</h3>
          <p class="muted">An app on your phone shows a code that you type after your password.</p>
          <button class="button wide" type="submit">
            {totp === null ? "Set up an app" : "Set up another app in its place"}
          </button>
        </form>
        <div class="card form-card">
          <h3>Passkey</h3>
          {"origin" in passkeysAt
            ? (
              <>
                <p class="muted">
                  Your device or a security key signs you in, with your finger, your face or a PIN, and
                  without a password.
                </p>
                <PasskeyForm
                  action="/account/factors/passkeys"
                  kind="create"
                  options="/account/factors/passkeys/options"
                  origin={passkeysAt.origin}
                  label="Add a passkey"
                >
                  <TextField
                    id="passkey-name"
                    name="name"
                    label="Name"
                    required
                    maxlength={100}
                    placeholder="Laptop"
                  />
                </PasskeyForm>
              </>
            )
            : <p class="muted">There can be none: {plainText(passkeysAt.unavailable)}.</p>}
        </div>
      </div>
    </>
  );
}

function PasskeyRow({ passkey, nowMs }: { readonly passkey: PasskeyView; readonly nowMs: number }) {
  const { id, name, synced } = passkey;
  const action = `/account/factors/passkeys/${encodeURIComponent(id)}`;
  return (
    <tr class="people-row">
      <th scope="row">
        {plainText(name)}
        <span class="factor-kind">{synced ? "passkey, on several devices" : "passkey, on one device"}</span>
      </th>
      <td data-head="Added">
        <Ago at={passkey.created_at} nowMs={nowMs} />
      </td>
      <td data-head="Last used">
        {passkey.last_used_at === null ? "never" : <Ago at={passkey.last_used_at} nowMs={nowMs} />}
      </td>
      <td class="row-action">
        <div class="people-members">
          <form class="passkey-rename" method="post" action={`${action}/rename`}>
            <input
              name="name"
              value={plainText(name)}
              required
              maxlength={100}
              autocomplete="off"
              aria-label={`New name of ${plainText(name)}`}
            />
            <button class="button quiet" type="submit">Rename</button>
          </form>
          <ActionForm
            action={`${action}/remove`}
            icon="stop"
            kind="quiet"
            label="Remove"
            title={`Remove the passkey ${plainText(name)}`}
          />
        </div>
      </td>
    </tr>
  );
}

interface FactorRowProps {
  readonly name: string;
  readonly times: { readonly created_at: string; readonly last_used_at: string | null };
  readonly nowMs: number;
  readonly children?: Child;
}

function FactorRow({ name, times, nowMs, children }: FactorRowProps) {
  return (
    <tr class="people-row">
      <th scope="row">{name}</th>
      <td data-head="Added">
        <Ago at={times.created_at} nowMs={nowMs} />
      </td>
      <td data-head="Last used">
        {times.last_used_at === null ? "never" : <Ago at={times.last_used_at} nowMs={nowMs} />}
      </td>
      <td class="row-action">{children}</td>
    </tr>
  );
}
