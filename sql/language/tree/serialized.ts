/** A text, or a number that JSON has not. */
const TEXT_OR_ENDLESS = /"(?:[^"\\]|\\.)*"|-?\b(?:Infinity|NaN)\b/g;

/**
 * What `json_serialize_sql` or `json_serialize_plan` wrote. DuckDB writes `1e400` as `Infinity`, which is no JSON: such a constant
 * is null here.
 */
export function parseSerialized(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return JSON.parse(text.replace(TEXT_OR_ENDLESS, (found) => found.startsWith('"') ? found : "null"));
  }
}
