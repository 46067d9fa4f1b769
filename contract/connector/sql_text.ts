import type { ParamType } from "../params/definition.ts";
import type { ParamValue } from "../run.ts";

/** How a system's SQL is written, as far as values are put into the text of users. */
export interface SqlText {
  /** The value as a literal, which means the same whatever the server's settings are. */
  literal(value: ParamValue, type: ParamType): string;
  /** Whether the offset (UTF-16) is in no string, quoted name or comment, whatever the settings are. */
  isCode(sql: string, at: number): boolean;
}
