import type { KeysView, SecretView } from "../../../contract/keys/views.ts";
import { formatPlural } from "../../../text/format.ts";
import { ActionForm } from "../../parts/action_form.tsx";
import { Notice } from "../../parts/callouts.tsx";
import { Empty } from "../../parts/empty.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { plainText } from "../../parts/plain_text.ts";
import { SecretForm } from "../../parts/secrets/secret_form.tsx";
import { SecretTable } from "../../parts/secrets/secret_table.tsx";

export interface SecretsPageView {
  readonly frame: Frame;
  readonly secrets: readonly SecretView[];
  readonly keys: KeysView;
  readonly notice?: { readonly message: string; readonly detail?: string };
}

/** What secrets the control store keeps, and the key that seals them. */
export function SecretsPage({ frame, secrets, keys, notice }: SecretsPageView) {
  return (
    <Layout frame={frame} title="Secrets" section="secrets">
      <div class="page-head">
        <div class="page-title">
          <h1>Secrets</h1>
          <p class="lead">
            Kept sealed in the control store, for <code>{"${secret:NAME}"}</code>{" "}
            in connectors and notifiers. A value is never shown again.
          </p>
        </div>
      </div>
      {notice !== undefined && <Notice {...notice} />}
      {keys.problem !== null && notice?.message !== keys.problem && (
        <Notice message="Not every sealed text can be opened" detail={keys.problem} />
      )}
      <section aria-labelledby="secrets-title">
        <h2 id="secrets-title" class="sr-only">All secrets</h2>
        {secrets.length === 0
          ? (
            <div class="card">
              <Empty title="No secrets yet">
                <p>What is set here comes before files and the environment.</p>
              </Empty>
            </div>
          )
          : <SecretTable secrets={secrets} nowMs={frame.nowMs} />}
        <details class="card form-card secret-more" open={secrets.length === 0}>
          <summary>Set a secret</summary>
          <SecretForm secrets={secrets} />
        </details>
      </section>
      <section aria-labelledby="key-title">
        <h2 id="key-title">Key</h2>
        <KeyCard keys={keys} />
      </section>
    </Layout>
  );
}

function KeyCard({ keys: { key, data_keys, lies_with_data } }: { readonly keys: KeysView }) {
  const current = data_keys.find(({ is_current }) => is_current);
  const sealed = data_keys.flatMap(({ seals }) => Object.values(seals)).reduce(
    (sum, count) => sum + count,
    0,
  );
  return (
    <div class="card form-card secret-key">
      <p>
        {current === undefined
          ? "Nothing is sealed yet: a key is made when something is."
          : `${
            formatPlural(sealed, "sealed text")
          }, by the data key ${current.id}, wrapped by the key ${current.key}.`}
      </p>
      {key !== null && (
        <p class="hint">
          The key {key.id} is of {plainText(key.source)}.
          {lies_with_data &&
            " It lies beside what it seals: name one elsewhere with SLUICE_KEY_FILE, and rotate to it."}
        </p>
      )}
      {current !== undefined && (
        <ActionForm
          action="/secrets/rotate"
          icon="retry"
          kind="quiet"
          label="Rotate the data key"
        />
      )}
    </div>
  );
}
