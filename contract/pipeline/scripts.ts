/**
 * Streams and loads that a script of the project carries out: it stands in the place of a connector, as
 * `script: scripts/orders.ts`. The connector of such is built in, by the name of its type.
 */

export const SCRIPT_CONNECTOR = "script";

/** Files that may be scripts, relative to the project. */
export const SCRIPT_PATH_PATTERN = /^scripts\/(?:\w[\w.-]*\/)*\w[\w.-]*\.(?:m?ts|m?js)$/;

/** The key that names the script's file. */
const SCRIPT_KEY = "script";

/** Connectors that every project has, without an entry in connectors.yaml. */
export const BUILT_IN_CONNECTORS: Readonly<Record<string, { readonly type: string }>> = {
  [SCRIPT_CONNECTOR]: { type: SCRIPT_CONNECTOR },
};

/** The definition as it was written, with the connector of each stream that names a script and no connector. */
export function withScriptConnectors(written: unknown): unknown {
  if (!isRecord(written) || !isRecord(written["extract"])) return written;
  const extract = Object.entries(written["extract"]).map(([name, stream]) => [
    name,
    isRecord(stream) && SCRIPT_KEY in stream && !("connector" in stream)
      ? { connector: SCRIPT_CONNECTOR, ...stream }
      : stream,
  ]);
  return { ...written, extract: Object.fromEntries(extract) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
