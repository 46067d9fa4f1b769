import type { JobBase } from "./job_base.ts";

/** Formats texts of SQL, with DuckDB's parser to say whether they mean the same afterwards. */
export interface FormatJob extends JobBase {
  readonly kind: "format";
  readonly texts: readonly string[];
}

/** A text in the house's form, or why it stays as it was. */
export type FormattedText = { readonly text: string } | { readonly kept: string };
