import { isUtf8 } from "node:buffer";
import { AppError } from "../../../contract/errors.ts";
import type { PostView, WebhookView } from "../../../contract/triggers/webhook_view.ts";
import type { Webhooks } from "../../../engine/control/webhooks/port.ts";
import { formatBytes, formatCount } from "../../../text/format.ts";
import type { CommandRun, Invocation } from "../command.ts";
import { connect } from "../connect.ts";
import { callerName, readFolders, readInteger } from "../settings.ts";
import { type ColumnSpec, formatTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { formatTime, oneLine, withoutSeconds } from "../text.ts";

/** With how many names behind it: PIPELINE, NAME, POST. */
const ACTIONS: Readonly<Record<string, number>> = { list: 1, posts: 2, body: 3, drop: 3 };
const NAMES = ["PIPELINE", "NAME", "POST"];
const MAX_POST = Number.MAX_SAFE_INTEGER;

const WEBHOOK_COLUMNS: readonly ColumnSpec[] = [
  { title: "WEBHOOK", minWidth: 12 },
  { title: "SIGNATURE" },
  { title: "ADDRESS", minWidth: 16 },
  { title: "WAITING", align: "right" },
  { title: "SIZE", align: "right" },
  { title: "LAST TAKEN (UTC)", short: withoutSeconds },
  { title: "LAST REFUSED (UTC)", short: withoutSeconds },
  { title: "WHY", minWidth: 12 },
];
const POST_COLUMNS: readonly ColumnSpec[] = [
  { title: "POST", align: "right" },
  { title: "STATE" },
  { title: "CAME (UTC)", short: withoutSeconds },
  { title: "SIZE", align: "right" },
  { title: "TYPE", minWidth: 12, mayGo: true },
  { title: "DROPPED BY", mayGo: true },
];

/** `sluice webhooks [list|posts|body|drop] PIPELINE [NAME] [POST]`: what other systems post. */
export const webhooks: CommandRun = async (invocation, context) => {
  const { action, pipeline, name, post } = readForm(invocation.arguments);
  const use = action === "drop" ? "change" : "read";
  await using connection = await connect(readFolders(invocation, context), context, invocation.command, use);
  const { webhooks } = connection.engine;
  const { terminal } = context;
  switch (action) {
    case "posts":
      return showPosts(await webhooks.posts(pipeline, name, readPage(invocation)), invocation, terminal);
    case "body":
      return await showBody(webhooks, { pipeline, name, post }, terminal);
    case "drop": {
      if (!invocation.flag("yes")) {
        throw new AppError("invalid", `The post ${post} would be gone for good: say --yes to drop it`);
      }
      const by = callerName(context) ?? "the command line";
      const dropped = await webhooks.drop(pipeline, name, post, by);
      terminal.out(invocation.flag("json") ? JSON.stringify(dropped) : `Post ${post} of ${name} is dropped`);
      return 0;
    }
    default:
      return showWebhooks(await webhooks.list(pipeline), pipeline, invocation, terminal);
  }
};

/** Throws invalid for too few names, too many, and a post that is no number. */
function readForm(words: readonly string[]) {
  const [first = ""] = words;
  const isAction = Object.hasOwn(ACTIONS, first);
  const action = isAction ? first : "list";
  const names = isAction ? words.slice(1) : words;
  const needed = NAMES.slice(0, ACTIONS[action]);
  if (names.length !== needed.length) {
    throw new AppError("invalid", `sluice webhooks ${action} takes ${needed.join(" ")}`);
  }
  const [pipeline = "", name = "", post = "0"] = names;
  if (!/^\d{1,15}$/.test(post)) {
    throw new AppError(
      "invalid",
      `There is no post "${post}": a post is a number, as sluice webhooks posts lists them`,
    );
  }
  return { action, pipeline, name, post: Number(post) };
}

function readPage(invocation: Invocation) {
  const before = invocation.text("before");
  return {
    isWaiting: invocation.flag("waiting"),
    limit: readInteger(invocation, "limit", { minimum: 1, maximum: 500, fallback: 50 }),
    ...(before === undefined
      ? {}
      : { before: readInteger(invocation, "before", { minimum: 0, maximum: MAX_POST, fallback: 0 }) }),
  };
}

function showWebhooks(
  found: readonly WebhookView[],
  pipeline: string,
  invocation: Invocation,
  terminal: Terminal,
): number {
  if (invocation.flag("json")) terminal.out(JSON.stringify(found));
  else if (found.length === 0) terminal.note(`"${pipeline}" has no webhooks`);
  else {
    const rows = found.map((one) => [
      one.name,
      one.signature,
      one.address,
      formatCount(one.waiting),
      formatBytes(one.waiting_bytes),
      one.accepted_at === null ? "" : formatTime(one.accepted_at),
      one.refused_at === null ? "" : formatTime(one.refused_at),
      oneLine(one.refused_why ?? ""),
    ]);
    terminal.out(formatTable(WEBHOOK_COLUMNS, rows, terminal.tableColumns()));
  }
  return 0;
}

function showPosts(found: readonly PostView[], invocation: Invocation, terminal: Terminal): number {
  if (invocation.flag("json")) terminal.out(JSON.stringify(found));
  else if (found.length === 0) terminal.note("Nothing was posted, or it is forgotten");
  else {
    const rows = found.map((one) => [
      String(one.post),
      one.state,
      formatTime(one.received_at),
      formatBytes(one.size_bytes),
      oneLine(one.content_type),
      oneLine(one.dropped_by ?? ""),
    ]);
    terminal.out(formatTable(POST_COLUMNS, rows, terminal.tableColumns()));
  }
  return 0;
}

async function showBody(
  webhooks: Webhooks,
  { pipeline, name, post }: { readonly pipeline: string; readonly name: string; readonly post: number },
  terminal: Terminal,
): Promise<number> {
  const { body, contentType } = await webhooks.body(pipeline, name, post);
  if (!isUtf8(body)) {
    const type = contentType === "" ? "of no type" : contentType;
    throw new AppError(
      "invalid",
      `The post ${post} is no text (${type}, ${formatBytes(body.length)}): the API gives it as it is`,
    );
  }
  terminal.out(new TextDecoder().decode(body));
  return 0;
}
