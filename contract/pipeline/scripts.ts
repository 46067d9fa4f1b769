import { PUBLISHED_CONNECTOR } from "../snapshots/source.ts";
import { WEBHOOK_CONNECTOR } from "../triggers/webhooks.ts";
import { isRecord } from "../../text/is_record.ts";

/**
 * Streams and loads that a script of the project carries out: it stands in the place of a connector, as
 * `script: scripts/orders.ts`. The connector of such is built in, by the name of its type.
 */

export const SCRIPT_CONNECTOR = "script";

/** Files that may be scripts, relative to the project. */
export const SCRIPT_PATH_PATTERN = /^scripts\/(?:\w[\w.-]*\/)*\w[\w.-]*\.(?:m?ts|m?js|py)$/;

/** Whether a script is one in Python. */
export const isPython = (script: string): boolean => script.endsWith(".py");

/** The key that names the script's file. */
const SCRIPT_KEY = "script";

/** The key that names the webhook. */
const WEBHOOK_KEY = "webhook";

/** Connectors that every project has, without an entry in connectors.yaml. */
export const BUILT_IN_CONNECTORS: Readonly<Record<string, { readonly type: string }>> = {
  [SCRIPT_CONNECTOR]: { type: SCRIPT_CONNECTOR },
  [WEBHOOK_CONNECTOR]: { type: WEBHOOK_CONNECTOR },
  [PUBLISHED_CONNECTOR]: { type: PUBLISHED_CONNECTOR },
};

/**
 * The definition as it was written, with the connector of each stream and load that names a script or a webhook and no
 * connector.
 */
export function withBuiltInConnectors(written: unknown): unknown {
  if (!isRecord(written)) return written;
  const { extract, load } = written;
  const targetsOf = (targets: unknown) => Array.isArray(targets) ? targets.map(targetOf) : targetOf(targets);
  return {
    ...written,
    ...(isRecord(extract) ? { extract: eachValue(extract, streamOf) } : {}),
    ...(isRecord(load) ? { load: eachValue(load, targetsOf) } : {}),
  };
}

const withConnector = (use: unknown, more: Record<string, unknown> = {}): unknown =>
  isRecord(use) && SCRIPT_KEY in use && !("connector" in use)
    ? { connector: SCRIPT_CONNECTOR, ...more, ...use }
    : use;

/** Bodies of a webhook are not posted again: the rows that there are stay. */
const streamOf = (stream: unknown): unknown =>
  isRecord(stream) && WEBHOOK_KEY in stream && !("connector" in stream)
    ? { connector: WEBHOOK_CONNECTOR, mode: "append", ...stream }
    : withConnector(stream);

/** What becomes of its rows is the script's own doing: there is one mode, which need not be written. */
const targetOf = (target: unknown): unknown => withConnector(target, { mode: "append" });

const eachValue = (entries: Record<string, unknown>, change: (value: unknown) => unknown) =>
  Object.fromEntries(Object.entries(entries).map(([name, value]) => [name, change(value)]));
