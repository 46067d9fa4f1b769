import type { WrongFactor } from "../../../engine/control/factors/port.ts";

/** What somebody is told of a factor that was not right. */
export const WRONG_FACTOR: Readonly<Record<WrongFactor, string>> = {
  wrong_code: "That code is not right.",
  used_code: "That code was used already: wait for the next one.",
  wrong_passkey: "That passkey was not accepted.",
  unknown_passkey: "That passkey is not known here: it was removed, or is another user's.",
  cloned_passkey: "That passkey was not accepted: it may have been copied. Use another factor.",
  gone_challenge: "That took too long, or was begun in another window: try again.",
};
