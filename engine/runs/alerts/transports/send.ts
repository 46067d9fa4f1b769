import type { Notifier } from "../../../../contract/alerts/notifiers.ts";
import type { Message } from "../messages.ts";
import { sendSlack, sendTeams } from "./chats.ts";
import { sendPagerDuty } from "./pagerduty.ts";
import { sendSentry } from "./sentry.ts";
import { sendMail } from "./smtp.ts";
import type { AlertWay, Receipt } from "./transport.ts";
import { sendSms, sendWebhook } from "./webhook.ts";

/** Sends the message as the notifier's receiver takes it. Throws what the way throws. */
export function sendMessage(
  notifier: Notifier,
  message: Message,
  way: AlertWay,
  signal: AbortSignal,
): Promise<Receipt> {
  switch (notifier.type) {
    case "smtp":
      return sendMail(notifier, message, way, signal);
    case "webhook":
      return sendWebhook(notifier, message, way, signal);
    case "slack":
      return sendSlack(notifier, message, way, signal);
    case "teams":
      return sendTeams(notifier, message, way, signal);
    case "pagerduty":
      return sendPagerDuty(notifier, message, way, signal);
    case "sentry":
      return sendSentry(notifier, message, way, signal);
    case "sms":
      return sendSms(notifier, message, way, signal);
  }
}
