import type { SlackNotifier, TeamsNotifier } from "../../../../contract/alerts/notifiers.ts";
import { type Message, textOf } from "../messages.ts";
import { postJson, type Transport } from "./transport.ts";

/** A block of Slack holds at most 3,000 characters, https://docs.slack.dev/reference/block-kit/blocks/section-block */
const SLACK_BLOCK = 3_000;
const SLACK_TITLE = 150;

/** An incoming webhook of Slack, https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
export const sendSlack: Transport<SlackNotifier> = (notifier, message, way, signal) => {
  const text = slackText(message);
  const body = {
    text: escaped(message.title),
    blocks: [
      { type: "header", text: { type: "plain_text", text: message.title.slice(0, SLACK_TITLE) } },
      { type: "section", text: { type: "mrkdwn", text: text.slice(0, SLACK_BLOCK) } },
    ],
  };
  return postJson(way, { url: notifier.url, body, message }, signal);
};

const slackText = (message: Message): string => escaped(textOf(message));

/** What Slack would take for its own marks. */
const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** A workflow of Teams takes an adaptive card, https://adaptivecards.io/explorer/AdaptiveCard.html */
export const sendTeams: Transport<TeamsNotifier> = (notifier, message, way, signal) => {
  const [first] = message.events;
  const url = first === undefined ? undefined : message.link(first);
  const line = (text: string) => ({ type: "TextBlock", text: plain(text), wrap: true });
  const content = {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.4",
    body: [
      { ...line(message.title), weight: "Bolder", size: "Medium" },
      ...textOf(message).split("\n").map(line),
    ],
    ...(url === undefined ? {} : { actions: [{ type: "Action.OpenUrl", title: "Open in Sluice", url }] }),
  };
  const attachment = { contentType: "application/vnd.microsoft.card.adaptive", contentUrl: null, content };
  return postJson(
    way,
    { url: notifier.url, body: { type: "message", attachments: [attachment] }, message },
    signal,
  );
};

/** Cards read some marks of Markdown: names of steps have them in. */
const plain = (text: string): string => text.replace(/[\\*_[\]]/g, "\\$&");
