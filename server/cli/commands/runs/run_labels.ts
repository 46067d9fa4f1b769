import * as v from "valibot";
import { AppError } from "../../../../contract/errors.ts";
import { noteSchema, tagsSchema } from "../../../../contract/runs/annotation.ts";
import type { Invocation } from "../../command.ts";

/** `--tag` and `--note` of a run that is started. Throws `invalid`. */
export function readLabels(invocation: Invocation): { tags?: string[]; note?: string } {
  const tags = readTags(invocation.list("tag"));
  const note = invocation.text("note");
  if (note !== undefined && !v.is(noteSchema, note)) {
    throw new AppError("invalid", "--note is longer than 2,000 characters");
  }
  return { ...(tags.length === 0 ? {} : { tags }), ...(note === undefined ? {} : { note }) };
}

/** Throws `invalid`. */
export function readTags(words: readonly string[]): string[] {
  const parsed = v.safeParse(tagsSchema, words);
  if (parsed.success) return parsed.output;
  throw new AppError("invalid", `--tag ${words.join(" ")}: ${parsed.issues[0].message}`);
}
