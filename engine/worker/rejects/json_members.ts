const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/**
 * The members of a JSON object, each value as the text that it has there: no number loses a digit, and nested values keep
 * their spaces. Undefined where the text is no object; it has to be JSON.
 */
export function jsonMembers(json: string): Map<string, string> | undefined {
  if (!json.trimStart().startsWith("{")) return undefined;
  const members = new Map<string, string>();
  let depth = 0;
  let key: string | undefined;
  let start: number | undefined;
  for (const { 0: token, index } of json.matchAll(TOKENS)) {
    const isEnd = depth === 1 && (token === "," || token === "}");
    if (isEnd && key !== undefined && start !== undefined) {
      members.set(key, json.slice(start, index).trim());
      key = start = undefined;
    } else if (depth === 1 && key === undefined && token.startsWith('"')) key = String(JSON.parse(token));
    else if (depth === 1 && start === undefined && token === ":") start = index + 1;
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
  }
  return members;
}
