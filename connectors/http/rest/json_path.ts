import type { PathStep } from "./page/json_walk.ts";

/**
 * The path that a text says, in the part that JSONPath and JMESPath have in common: `data.items`, `$.data[0].id`,
 * `"odd key".x`, `results[*]` at the end, `data[-1].id` of the last item. Undefined for what asks more than a way down.
 */
export function simplePath(text: string): readonly PathStep[] | undefined {
  let rest = text.trim().replace(/^\$\.?/, "").replace(/^@(?:\.|$)/, "");
  const steps: PathStep[] = [];
  while (rest !== "") {
    if (rest === "[*]" || rest === "[]") break;
    const found = STEP.exec(rest);
    if (found === null) return undefined;
    const [whole, plain, quoted, index, bracketed] = found;
    const step = plain ?? bracketed ?? (quoted === undefined ? undefined : unquoted(quoted));
    if (step !== undefined) steps.push(step);
    else steps.push(Number(index));
    rest = rest.slice(whole.length);
    if (rest.startsWith(".") && rest.length > 1) rest = rest.slice(1);
    else if (rest !== "" && !rest.startsWith("[")) return undefined;
  }
  return steps;
}

/** Some step counts from the end of a list: only what is there can be found so. */
export const isFromEnd = (path: readonly PathStep[]): boolean =>
  path.some((step) => typeof step === "number" && (step < 0 || Object.is(step, -0)));

const STEP = /^(?:([\p{L}_@][\p{L}\p{N}_@-]*)|("(?:[^"\\]|\\.)*")|\[(-?\d+)\]|\['([^'\\]+)'\])/u;

function unquoted(text: string): string | undefined {
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}
