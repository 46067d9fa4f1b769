import * as v from "valibot";
import { text } from "../pipeline/words.ts";

/**
 * Addresses of a pipeline that other systems post to, `POST /hooks/<pipeline>/<name>`: a body that was taken starts a
 * run, and is read as rows by the streams that name the webhook.
 */

/** The connector of streams that name a webhook, built in by the name of its type. */
export const WEBHOOK_CONNECTOR = "webhook";

/** How a post shows that it comes from who has the secret. */
export const SIGNATURES = ["none", "hmac-sha256", "github", "stripe"] as const;

const SECRET_REFERENCE = /^\$\{secret:([A-Za-z_][A-Za-z0-9_.-]{0,127})\}$/;

export const webhookSchema = v.pipe(
  v.strictObject({
    secret: v.pipe(
      v.string(),
      v.regex(SECRET_REFERENCE, "expected a secret of the server, as ${secret:HOOK}"),
      v.description("What the sender has to know, as ${secret:HOOK}."),
    ),
    signature: v.optional(
      v.pipe(
        v.picklist(SIGNATURES),
        v.description(
          "How a post shows that its sender knows the secret. none: Authorization: Bearer and the secret itself. hmac-sha256: the HMAC of the body, in hex. github, stripe: as those sign.",
        ),
      ),
      "none",
    ),
    header: v.optional(
      v.pipe(
        text,
        v.regex(/^[A-Za-z0-9-]{1,100}$/, "expected the name of a header, as X-Signature"),
        v.description("The header with the signature of hmac-sha256; X-Signature by default."),
      ),
    ),
  }),
  v.check(
    ({ header, signature }) => header === undefined || signature === "hmac-sha256",
    "header goes with signature: hmac-sha256",
  ),
);
export type WebhookDefinition = v.InferOutput<typeof webhookSchema>;

/** The name of the secret that a webhook refers to. */
export const secretNameOf = ({ secret }: WebhookDefinition): string =>
  SECRET_REFERENCE.exec(secret)?.[1] ?? "";

/** The webhook's name in the inbox, which is one for all pipelines. */
export const hookOf = (pipeline: string, name: string): string => `${pipeline}/${name}`;

/** A body that was posted, as the streams of its webhook read it. */
export interface PostedBody {
  /** Its place among all that were posted: the later has the greater. */
  readonly seq: number;
  /** As the sender said; empty where it said nothing. */
  readonly contentType: string;
  readonly body: Uint8Array;
}
