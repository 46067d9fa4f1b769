import * as v from "valibot";
import { described, secretDescribed } from "../described.ts";

/** Secrets of the control store and the keys that seal them, as the API and the command line show them. */

const time = v.pipe(v.string(), v.isoTimestamp());
const whole = v.pipe(v.number(), v.integer(), v.minValue(0));

/** The largest secret, in bytes of UTF-8. */
export const MAX_SECRET_BYTES = 64 * 1024;

export const secretSchema = v.object({
  name: described(v.string(), "As references name it: ${secret:NAME}."),
  created_at: described(time, "When it was first set."),
  created_by: described(v.nullable(v.string()), "Who set it first."),
  changed_at: described(time, "When it was last set."),
  changed_by: described(v.nullable(v.string()), "Who set it last."),
  used_by: described(
    v.array(v.string()),
    "What refers to it, as `connector shop`: of the definitions that were last applied.",
  ),
});
export type SecretView = v.InferOutput<typeof secretSchema>;

export const secretPutSchema = v.strictObject({
  value: secretDescribed(v.string(), "The secret: any text of 1 byte to 64 KiB. It is never given back."),
});

const rootSchema = v.object({
  id: described(v.string(), "Its id, which does not tell the key."),
  source: described(v.string(), "Where it comes from."),
});

const dataKeySchema = v.object({
  id: described(v.string(), "Its id."),
  is_current: described(v.boolean(), "Whether it is the one that seals."),
  key: described(v.string(), "The id of the server's key that wraps it."),
  is_readable: described(v.boolean(), "Whether that key is here."),
  created_at: described(time, "When it was made."),
  retired_at: described(v.nullable(time), "Since when another one seals."),
  seals: described(v.record(v.string(), whole), "How many texts of each kind it seals."),
});

export const keysSchema = v.object({
  key: described(v.nullable(rootSchema), "The server's key; null where none is here."),
  data_keys: described(v.array(dataKeySchema), "The keys of the control store, the current one first."),
  lies_with_data: described(v.boolean(), "Whether it is in the data folder, beside what it seals."),
  problem: described(v.nullable(v.string()), "What is wrong with them and what to do."),
});
export type KeysView = v.InferOutput<typeof keysSchema>;

export const rotateSchema = v.strictObject({
  lost: v.exactOptional(
    described(
      v.boolean(),
      "The key is lost: begins with another, and leaves what cannot be opened. false by default.",
    ),
  ),
  new_key_file: v.exactOptional(
    described(
      v.pipe(v.string(), v.minLength(1)),
      "A file with the server's new key. Only commands on the server's own machine may name one.",
    ),
  ),
});
export type RotateRequest = v.InferOutput<typeof rotateSchema>;

export const rotationSchema = v.object({
  data_key: described(v.nullable(v.string()), "The id of the key that seals from now on."),
  key: described(rootSchema, "The server's key that wraps it."),
  rewrapped: described(whole, "How many keys of the control store were wrapped anew."),
  resealed: described(whole, "How many texts were sealed anew."),
  unreadable: described(v.array(v.string()), "What could not be opened and has to be set again."),
  to_apply: described(
    whole,
    "How many connectors, notifiers and revisions could not be opened either: applying the project's files writes them again.",
  ),
});
export type RotationView = v.InferOutput<typeof rotationSchema>;
