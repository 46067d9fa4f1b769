import type { PostView, WebhookView } from "../../contract/triggers/webhook_view.ts";
import { formatBytes, formatCount } from "../../text/format.ts";
import { Icon } from "./icons.tsx";
import { plainText } from "./plain_text.ts";
import { DataTable } from "./tables/data_table.tsx";
import { Ago } from "./times.tsx";

interface WebhookSectionView {
  readonly webhooks: readonly WebhookView[];
  /** Where the page of one is, without its name. */
  readonly path: string;
  readonly nowMs: number;
}

/** What other systems post to a pipeline; nothing where it has no webhook. */
export function WebhookSection({ webhooks, path, nowMs }: WebhookSectionView) {
  if (webhooks.length === 0) return null;
  return (
    <section aria-labelledby="webhooks-title">
      <h2 id="webhooks-title">Webhooks</h2>
      <DataTable
        label="Webhooks"
        heads={["Webhook", "Address", { number: "Waiting" }, "Last taken", "Last refused"]}
        stacks
      >
        {webhooks.map((one) => (
          <tr>
            <th scope="row">
              <a href={`${path}/${encodeURIComponent(one.name)}`}>{one.name}</a>
            </th>
            <td data-head="Address">
              <code>{one.address}</code> <span class="muted">{one.signature}</span>
            </td>
            <td data-head="Waiting" class="number">
              {formatCount(one.waiting)}
              {one.waiting > 0 && <span class="muted">, {formatBytes(one.waiting_bytes)}</span>}
            </td>
            <td data-head="Last taken">
              {one.accepted_at === null
                ? <span class="muted">nothing yet</span>
                : <Ago at={one.accepted_at} nowMs={nowMs} />}
            </td>
            <td data-head="Last refused">
              {one.refused_at !== null && (
                <>
                  <Ago at={one.refused_at} nowMs={nowMs} />{" "}
                  <span class="muted">{plainText(one.refused_why ?? "")}</span>
                </>
              )}
            </td>
          </tr>
        ))}
      </DataTable>
    </section>
  );
}

interface PostTableView {
  readonly posts: readonly PostView[];
  /** Where the page of a post is, without its number. */
  readonly path: string;
  readonly mayDrop: boolean;
  readonly nowMs: number;
}

/** Posts, the newest first, with what can be done with them. */
export function PostTable({ posts, path, mayDrop, nowMs }: PostTableView) {
  return (
    <DataTable
      label="Posts"
      heads={[{ number: "Post" }, "State", "Came", { number: "Size" }, "Type", ""]}
      stacks
    >
      {posts.map((one) => (
        <tr>
          <th scope="row" class="number">{String(one.post)}</th>
          <td data-head="State">
            {one.state}
            {one.dropped_by !== null && <span class="muted">{` by ${plainText(one.dropped_by)}`}</span>}
          </td>
          <td data-head="Came">
            <Ago at={one.received_at} nowMs={nowMs} />
          </td>
          <td data-head="Size" class="number">{formatBytes(one.size_bytes)}</td>
          <td data-head="Type">{plainText(one.content_type)}</td>
          <td>
            <div class="row-actions">
              {one.state !== "dropped" && (
                <a href={`${path}/${one.post}`} download={`post-${one.post}`}>
                  Body
                </a>
              )}
              {one.state === "waiting" && mayDrop && <DropForm path={path} post={one.post} />}
            </div>
          </td>
        </tr>
      ))}
    </DataTable>
  );
}

/** The body is gone for good: one click alone does not do it. */
function DropForm({ path, post }: { readonly path: string; readonly post: number }) {
  return (
    <details class="menu">
      <summary class="button quiet" aria-label={`Drop post ${post}`}>Drop …</summary>
      <form class="panel" method="post" action={`${path}/${post}/drop`}>
        <p>No run will read the post {String(post)}. Its body is gone for good.</p>
        <button class="button danger" type="submit">
          <Icon name="stop" />
          <span>Drop it</span>
        </button>
      </form>
    </details>
  );
}
