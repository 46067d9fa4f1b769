import * as v from "valibot";
import { text } from "../pipeline/words.ts";

/** Entries of connectors.yaml. */

/** The most connections at a time to one system, where connectors.yaml says nothing. */
const DEFAULT_MAX_CONNECTIONS = 4;

/** What every entry of connectors.yaml may have beside its `type` and the keys of its type. */
export const commonConnectorSchema = v.object({
  max_connections: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(100),
      v.description("The most connections to this system at a time from one run; 4 by default."),
    ),
    DEFAULT_MAX_CONNECTIONS,
  ),
  mask_salt: v.optional(
    v.pipe(
      text,
      v.description("The key of masks by hash, as ${secret:MASK_SALT}; the same key gives the same hashes."),
    ),
  ),
});
export type CommonConnectorKeys = v.InferOutput<typeof commonConnectorSchema>;

/** An entry's keys, those of its type apart from those that all have. */
export function splitConnectorKeys(
  entry: Readonly<Record<string, unknown>>,
): { common: Record<string, unknown>; own: Record<string, unknown> } {
  const isCommon = (key: string) => Object.hasOwn(commonConnectorSchema.entries, key);
  const keys = Object.entries(entry);
  return {
    common: Object.fromEntries(keys.filter(([key]) => isCommon(key))),
    own: Object.fromEntries(keys.filter(([key]) => !isCommon(key))),
  };
}

/** What is no secret of a connector's entry. */
export interface ConnectorHead {
  readonly type: string;
  /** Where the entry has it as a number. */
  readonly max_connections?: number;
}

/** An entry of connectors.yaml: its `type`, and what that type's own schema says. */
export interface ConnectorDefinition {
  readonly type: string;
  readonly [key: string]: unknown;
}
