import type { Child } from "hono/jsx";
import type { AccountView, SessionView, TokenView } from "../../../contract/access/people.ts";
import type { Permission } from "../../../contract/access/permissions.ts";
import { FACTOR_NAMES } from "../../../contract/access/factors.ts";
import { listWords } from "../../../text/suggest.ts";
import { grantsText } from "../../../contract/access/scope.ts";
import { PasswordForm } from "../../parts/account/password_form.tsx";
import { NewTokenText, OwnTokenForm, OwnTokens } from "../../parts/account/own_tokens.tsx";
import { ActionForm } from "../../parts/action_form.tsx";
import { Done, Notice } from "../../parts/callouts.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { SessionTable } from "../../parts/people/session_table.tsx";
import { plainText } from "../../parts/plain_text.ts";
import { Ago } from "../../parts/times.tsx";

export interface AccountPageView {
  readonly frame: Frame;
  readonly account: AccountView;
  readonly sessions: readonly SessionView[];
  readonly tokens: readonly TokenView[];
  /** What a token of theirs can be kept to. */
  readonly permissions: readonly Permission[];
  readonly notice?: { readonly message: string; readonly detail?: string };
  readonly done?: string;
  /** A token that was made just now. */
  readonly made?: { readonly name: string; readonly token: string };
}

/** What everybody may see and change of the own account. */
export function AccountPage(view: AccountPageView) {
  const { frame, account, sessions, tokens, permissions, notice, done, made } = view;
  const { nowMs } = frame;
  const isPerson = account.kind === "person";
  return (
    <Layout frame={frame} title="Account" section="account">
      <div class="page-head">
        <div class="page-title">
          <h1>{plainText(account.display_name ?? account.name)}</h1>
          <p class="lead">{leadOf(account)}</p>
        </div>
      </div>
      {notice !== undefined && <Notice {...notice} />}
      {done !== undefined && <Done message={done} />}
      {made !== undefined && <NewTokenText {...made} />}
      {isPerson && (
        <Part id="password" title="Password">
          {account.password_changed_at === null
            ? (
              <p class="muted">
                You have none. Whoever manages users can set one, or invite you to choose one.
              </p>
            )
            : (
              <>
                <p class="muted">
                  Set{" "}
                  <Ago at={account.password_changed_at} nowMs={nowMs} />. Another one ends your other
                  sessions.
                </p>
                <details
                  class="card form-card people-more"
                  open={notice !== undefined && made === undefined && tokens.length === 0}
                >
                  <summary>Change the password</summary>
                  <PasswordForm name={account.name} hasTokens={tokens.length > 0} />
                </details>
              </>
            )}
        </Part>
      )}
      {isPerson && (
        <Part id="factors" title="Second factors">
          <p class="muted">
            {account.factors.length === 0
              ? "A password alone signs you in. "
              : `Beside your password: ${listWords(account.factors.map((kind) => FACTOR_NAMES[kind]))}. `}
            <a href="/account/factors">
              {account.factors.length === 0
                ? "Add an app or a passkey"
                : "Change them, or make recovery codes"}
            </a>
          </p>
        </Part>
      )}
      <Part id="sessions" title="Signed in">
        <SessionTable sessions={sessions} nowMs={nowMs} path="/account/sessions" />
        {sessions.length > 1 && (
          <ActionForm action="/account/sessions/end" icon="leave" kind="quiet" label="End all others" />
        )}
      </Part>
      <Part id="tokens" title="Tokens">
        {isPerson
          ? (
            <>
              <OwnTokens tokens={tokens} nowMs={nowMs} />
              <details class="card form-card people-more">
                <summary>New token</summary>
                <OwnTokenForm permissions={permissions} />
              </details>
            </>
          )
          : <p class="muted">Those who manage users make, rotate and revoke the tokens of a service.</p>}
      </Part>
    </Layout>
  );
}

function Part(
  { id, title, children }: { readonly id: string; readonly title: string; readonly children?: Child },
) {
  return (
    <section aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </section>
  );
}

function leadOf({ name, email, groups, grants }: AccountView): string {
  const inGroups = groups.length === 0 ? undefined : `in ${groups.map((group) => `@${group}`).join(", ")}`;
  const parts = [name, email ?? undefined, inGroups, grantsText(grants) || "no role of your own"];
  return plainText(parts.filter((part) => part !== undefined).join(" · "));
}
