import { didYouMean } from "../../text/suggest.ts";

const KEYS = "materialized|strategy|primary_key|update_key|partition_by|batch_size|on_change|renamed_from";
/** A key at the beginning of a line, and of the whole comment. */
const KEY_LINE = new RegExp(`^[\\s*#-]*(?:${KEYS})\\s*:`, "m");
const KEY_FIRST = new RegExp(`^/\\*[*!\\s]*(?:${KEYS})\\s*:`);

/** A line that says nothing else is hardly a remark. */
const MATERIALIZED_LINE =
  /^[\s*#-]*materialized\s*:\s*(?:table|view|incremental|scd2|ephemeral)\s*(?:#.*)?$/m;

const WRITE = "a header begins with /* @sluice, in these letters";

/**
 * What is wrong with a comment that was meant as a model's header, and is none: one that is passed over
 * in silence makes a table of an incremental model. Undefined for a comment.
 */
export function headerSlip(comment: string, isBeforeSql: boolean): string | undefined {
  if (comment.startsWith("--")) {
    const [, word = ""] = /^--[-\s]*@?([A-Za-z]+)/.exec(comment) ?? [];
    const isMarked = /^--[-\s]*@/.test(comment);
    return isMarked && isNear(word) ? "a header is one block comment: /* @sluice … */" : undefined;
  }
  const [, sign = "", word = ""] = /^\/\*[*!\s]*([@#$%:]?)\s*([A-Za-z_]+)/.exec(comment) ?? [];
  if (sign !== "" && isNear(word)) return WRITE;
  if (!isBeforeSql) return undefined;
  const isNamed = sign !== "" || isNear(word);
  if (KEY_FIRST.test(comment) || MATERIALIZED_LINE.test(comment) || (isNamed && KEY_LINE.test(comment))) {
    return `this comment has the keys of a header, and is none: ${WRITE}`;
  }
  return undefined;
}

function isNear(word: string): boolean {
  return didYouMean(word, ["sluice"]) !== "";
}
