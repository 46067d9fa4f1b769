import type { TokenView } from "../../../contract/access/people.ts";
import { type Permission, PERMISSIONS } from "../../../contract/access/permissions.ts";
import { ActionForm } from "../action_form.tsx";
import { CopyText } from "../copy_text.tsx";
import { Empty } from "../empty.tsx";
import { TextField } from "../forms/field.tsx";
import { plainText } from "../plain_text.ts";
import { DataTable } from "../tables/data_table.tsx";
import { Ago } from "../times.tsx";

/** Whoever looks: its tokens, and what can be done with each. */
export function OwnTokens(
  { tokens, nowMs }: { readonly tokens: readonly TokenView[]; readonly nowMs: number },
) {
  if (tokens.length === 0) {
    return (
      <div class="card">
        <Empty title="No tokens">
          <p>A token lets a program ask the API in your name, for as long as you say.</p>
        </Empty>
      </div>
    );
  }
  return (
    <DataTable label="Tokens" heads={["Name", "For", "Made", "Expires", "Last used", ""]} stacks>
      {tokens.map((token) => {
        const action = `/account/tokens/${encodeURIComponent(token.id)}`;
        return (
          <tr class="people-row">
            <th scope="row">{plainText(token.name)}</th>
            <td data-head="For" class="about">{scopesText(token)}</td>
            <td data-head="Made">
              <Ago at={token.rotated_at ?? token.created_at} nowMs={nowMs} />
            </td>
            <td data-head="Expires">
              {token.expires_at === null ? "never" : <Ago at={token.expires_at} nowMs={nowMs} />}
            </td>
            <td data-head="Last used">
              {token.last_used_at === null ? "never" : <Ago at={token.last_used_at} nowMs={nowMs} />}
            </td>
            <td class="row-action">
              <ActionForm
                action={`${action}/rotate`}
                icon="retry"
                kind="quiet"
                label="Rotate"
                title={`Give the token ${token.name} another text`}
              />
              <ActionForm
                action={`${action}/revoke`}
                icon="stop"
                kind="quiet"
                label="Revoke"
                title={`Revoke the token ${token.name}`}
              />
            </td>
          </tr>
        );
      })}
    </DataTable>
  );
}

/** The one time that a token's text is shown. */
export function NewTokenText({ name, token }: { readonly name: string; readonly token: string }) {
  return (
    <CopyText
      title={`The token ${name}, shown this once`}
      label={`The text of the token ${name}`}
      text={token}
      note="Copy it now: it is stored nowhere."
    />
  );
}

/** Makes a token. `permissions` are those of whoever looks. */
export function OwnTokenForm({ permissions }: { readonly permissions: readonly Permission[] }) {
  return (
    <form class="fields" method="post" action="/account/tokens">
      <TextField id="token-name" name="name" label="What it is for" required maxlength={100} />
      <div class="field">
        <label for="token-life">Expires after</label>
        <select id="token-life" name="expires_in">
          {[["7d", "7 days"], ["30d", "30 days"], ["90d", "90 days"], ["365d", "a year"], ["", "never"]].map((
            [value, label],
          ) => <option value={value} selected={value === "90d"}>{label}</option>)}
        </select>
      </div>
      <TextField
        id="token-pipelines"
        name="pipelines"
        label="Only these pipelines"
        hint={
          <>
            Names with blanks between; <code>*</code> stands for any text. Empty for all.
          </>
        }
      />
      <fieldset class="field choices">
        <legend>Only these permissions; all of yours where none is chosen</legend>
        {permissions.map((permission) => (
          <label class="choice" title={PERMISSIONS[permission]}>
            <input type="checkbox" name="permission" value={permission} />
            {permission}
          </label>
        ))}
      </fieldset>
      <button class="button primary" type="submit">Create token</button>
    </form>
  );
}

function scopesText({ scopes: { permissions, pipelines } }: TokenView): string {
  const parts = [
    permissions?.join(", "),
    pipelines === undefined ? undefined : `pipelines ${pipelines.join(", ")}`,
  ];
  return plainText(parts.filter((part) => part !== undefined).join("; ") || "all that you may");
}
