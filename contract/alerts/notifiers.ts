import * as v from "valibot";
import { duration, text } from "../pipeline/words.ts";

/** Entries of notifiers.yaml: where alerts go. Each has a `type`, the keys of that type, and those of all. */

/** One message for all that happens within this time, where `group` says nothing. */
export const DEFAULT_GROUP = "30s";

const HTTP_URL = /^https?:\/\/[^\s]+$/;
const url = v.pipe(
  v.string(),
  v.regex(HTTP_URL, "expected an address such as https://hooks.example.com/…"),
);
const address = v.pipe(
  v.string(),
  // A line break in an address would begin a header of the sender's choice.
  v.regex(/^[^\r\n]*@[^\r\n]*$/, "expected an address such as team@example.com"),
);
const headers = v.pipe(
  v.record(v.string(), v.string()),
  v.description("Sent with the request, as Authorization: Bearer ${secret:TOKEN}."),
);

/** What a notifier of any type may have. */
const commonEntries = {
  description: v.optional(v.pipe(v.string(), v.description("What it is for."))),
  group: v.optional(
    v.pipe(
      duration,
      v.description("One message for all that happens within this time; 30s by default, 0s for one each."),
    ),
  ),
  title: v.optional(
    v.pipe(text, v.description("A template of the first line, as {{pipeline}}: {{event}}.")),
  ),
  text: v.optional(v.pipe(text, v.description("A template of the line for one event."))),
};

const bodyEntries = {
  headers: v.optional(headers),
  username: v.optional(v.pipe(text, v.description("Signs in by name and password (Basic)."))),
  password: v.optional(v.pipe(text, v.description("As ${secret:PASSWORD}."))),
  json: v.optional(
    v.pipe(v.unknown(), v.description("The body in place of Sluice's own; its texts are templates.")),
  ),
  form: v.optional(
    v.pipe(
      v.record(v.string(), v.string()),
      v.description("The body as fields of a form (application/x-www-form-urlencoded), each a template."),
    ),
  ),
};

const smtpSchema = v.strictObject({
  type: v.literal("smtp"),
  ...commonEntries,
  host: v.pipe(text, v.description("The mail server.")),
  port: v.optional(
    v.pipe(
      v.union([
        v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)),
        v.pipe(v.string(), v.regex(/^\d{1,5}$/)),
      ]),
      v.description("587 by default, 465 with security: tls."),
    ),
  ),
  security: v.optional(
    v.pipe(
      v.picklist(["starttls", "tls", "none"]),
      v.description(
        "starttls (the default) refuses a server without it; tls from the first byte; none in the clear.",
      ),
    ),
  ),
  username: v.optional(v.pipe(text, v.description("Signs in, where the server wants that."))),
  password: v.optional(v.pipe(text, v.description("As ${secret:SMTP_PASSWORD}."))),
  ca: v.optional(
    v.pipe(
      text,
      v.description("Certificates to trust in place of the usual ones, PEM, as ${secret:MAIL_CA}."),
    ),
  ),
  from: v.pipe(address, v.description("Whom mails are from: Sluice <sluice@example.com>.")),
  to: v.pipe(
    v.union([v.pipe(v.array(address), v.minLength(1, "expected at least one address")), address]),
    v.description("Whom they are for: one address or a list."),
  ),
});

const webhookSchema = v.strictObject({
  type: v.literal("webhook"),
  ...commonEntries,
  url: v.pipe(url, v.description("Where to.")),
  method: v.optional(v.pipe(v.picklist(["POST", "PUT"]), v.description("POST by default."))),
  ...bodyEntries,
  secret: v.optional(
    v.pipe(text, v.description("Signs the body: X-Sluice-Signature: sha256=… (HMAC, hexadecimal).")),
  ),
});

const slackSchema = v.strictObject({
  type: v.literal("slack"),
  ...commonEntries,
  url: v.pipe(url, v.description("The address of an incoming webhook, as ${secret:SLACK_URL}.")),
});

const teamsSchema = v.strictObject({
  type: v.literal("teams"),
  ...commonEntries,
  url: v.pipe(url, v.description("The address of a workflow that takes a webhook, as ${secret:TEAMS_URL}.")),
});

const pagerdutySchema = v.strictObject({
  type: v.literal("pagerduty"),
  ...commonEntries,
  key: v.pipe(text, v.description("The integration key of a service (Events API v2).")),
  url: v.optional(v.pipe(url, v.description("https://events.pagerduty.com/v2/enqueue by default."))),
});

const sentrySchema = v.strictObject({
  type: v.literal("sentry"),
  ...commonEntries,
  dsn: v.pipe(
    v.string(),
    v.regex(/^https?:\/\/[^\s@]+@[^\s/]+\/(?:[^\s]*\/)?\d+$/, "expected a DSN such as https://key@host/42"),
    v.description("The project's DSN, as ${secret:SENTRY_DSN}."),
  ),
  environment: v.optional(v.pipe(text, v.description("production by default."))),
});

const smsSchema = v.strictObject({
  type: v.literal("sms"),
  ...commonEntries,
  url: v.pipe(url, v.description("The provider's address for a message.")),
  to: v.pipe(
    v.union([v.pipe(v.array(text), v.minLength(1, "expected at least one number")), text]),
    v.description("The numbers: each gets a message, {{to}} in form and json."),
  ),
  from: v.optional(v.pipe(text, v.description("The sender, {{from}} in form and json."))),
  ...bodyEntries,
});

export const notifierSchemas = {
  smtp: smtpSchema,
  webhook: webhookSchema,
  slack: slackSchema,
  teams: teamsSchema,
  pagerduty: pagerdutySchema,
  sentry: sentrySchema,
  sms: smsSchema,
} as const;

export type NotifierType = keyof typeof notifierSchemas;
export const NOTIFIER_TYPES: readonly NotifierType[] = [
  "smtp",
  "webhook",
  "slack",
  "teams",
  "pagerduty",
  "sentry",
  "sms",
];

export type SmtpNotifier = v.InferOutput<typeof smtpSchema>;
export type WebhookNotifier = v.InferOutput<typeof webhookSchema>;
export type SlackNotifier = v.InferOutput<typeof slackSchema>;
export type TeamsNotifier = v.InferOutput<typeof teamsSchema>;
export type PagerdutyNotifier = v.InferOutput<typeof pagerdutySchema>;
export type SentryNotifier = v.InferOutput<typeof sentrySchema>;
export type SmsNotifier = v.InferOutput<typeof smsSchema>;

/** An entry, its references replaced. */
export type Notifier =
  | SmtpNotifier
  | WebhookNotifier
  | SlackNotifier
  | TeamsNotifier
  | PagerdutyNotifier
  | SentryNotifier
  | SmsNotifier;

/** An entry as it is stored: references not replaced. */
export interface NotifierDefinition {
  readonly type: NotifierType;
  readonly [key: string]: unknown;
}

/** What is no secret of an entry. */
export interface NotifierHead {
  readonly type: NotifierType;
  readonly group?: string;
  readonly description?: string;
}

export const isNotifierType = (type: unknown): type is NotifierType =>
  typeof type === "string" && Object.hasOwn(notifierSchemas, type);
