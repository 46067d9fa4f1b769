import * as v from "valibot";

/** What people write on runs: tags to find them by, and a note. */

export const MAX_TAGS = 20;
const TAG_PATTERN = /^[\p{L}\p{N}][\p{L}\p{N}._:/-]{0,62}$/u;

export const tagsSchema = v.pipe(
  v.array(
    v.pipe(
      v.string(),
      v.regex(TAG_PATTERN, "expected letters, digits and . _ : / -, at most 63, without spaces"),
    ),
  ),
  v.maxLength(MAX_TAGS),
);

export const noteSchema = v.pipe(v.string(), v.maxLength(2_000));

/** What is left out stays as it is; a null or empty note takes it away. */
export interface RunAnnotation {
  readonly tags?: readonly string[];
  readonly note?: string | null;
}
