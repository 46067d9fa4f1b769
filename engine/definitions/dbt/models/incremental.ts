import { MARKS } from "../context/rendering.ts";

/**
 * What `{% if is_incremental() %}` adds to a query, as one text for the first run and for later ones: the condition holds
 * where there is no cursor yet.
 */
export interface Combined {
  readonly sql: string;
  /** The column whose greatest value the condition compares with. */
  readonly updateKey: string | undefined;
}

/** Undefined where it is no plain condition on the greatest value of one column. */
export function combineIncremental(full: string, incremental: string): Combined | undefined {
  const [open, close] = MARKS.branch;
  const segment = new RegExp(`${open}([^${open}${close}]*)${close}`, "g");
  // Whatever else differs is no condition that is added.
  const squeezed = (text: string) => text.replace(/\s+/g, "");
  if (squeezed(incremental.replace(segment, "")) !== squeezed(full)) return undefined;
  const keys = new Set<string>();
  let isPlain = true;
  const sql = incremental.replace(segment, (_, body: string) => {
    const combined = conditionOf(body, keys);
    if (combined === undefined) isPlain = false;
    return combined ?? "";
  });
  if (!isPlain || keys.size > 1 || sql.includes(MARKS.self)) return undefined;
  return { sql, updateKey: [...keys][0] };
}

const CLAUSES = /\b(?:group\s+by|order\s+by|having|qualify|limit|union|intersect|except|window|where)\b/i;

function conditionOf(body: string, keys: Set<string>): string | undefined {
  const parts = /^(\s*(?:--[^\n]*\n\s*)*)(where|and|having|qualify)\b([\s\S]*?)(\s*)$/i.exec(body);
  if (parts === null) return undefined;
  const [, before = "", word = "", condition = "", after = ""] = parts;
  const replaced = withCursor(condition.trim(), keys);
  if (replaced === undefined || CLAUSES.test(withoutBrackets(replaced))) return undefined;
  const end = /--[^\n]*$/.test(replaced) ? "\n" : "";
  return `${before}${word} (getvariable('cursor') IS NULL OR (${replaced}${end}))${after}`;
}

const COLUMN = String.raw`(?:\w+\.)?("[^"]+"|\w+)`;

/** `max(x)`, `max(x::date)`, `max(date(x))` and `max(cast(x as date))`. */
const GREATEST = new RegExp(
  String
    .raw`\bmax\s*\(\s*(?:${COLUMN}|${COLUMN}\s*::\s*date|(?:date\s*\(|cast\s*\()\s*${COLUMN}(?:\s+as\s+date)?\s*\))\s*\)`,
  "gi",
);

/** `(select max(x) from {{ this }})` is the cursor, also inside of an expression there. */
function withCursor(condition: string, keys: Set<string>): string | undefined {
  let text = condition;
  for (;;) {
    const start = /\(\s*select\b/i.exec(text);
    if (start === null) return text;
    const end = closingBracket(text, start.index);
    if (end === undefined) return undefined;
    const inside = text.slice(start.index + start[0].length, end);
    const query = new RegExp(`^([\\s\\S]*)\\bfrom\\s+${MARKS.self}(?:\\s+(?:as\\s+)?\\w+)?\\s*$`, "i").exec(
      inside,
    );
    const expression = query?.[1]?.trim().replace(/\s+as\s+\w+$/i, "");
    if (expression === undefined || /\bfrom\b/i.test(expression)) return undefined;
    const greatest = [...expression.matchAll(GREATEST)];
    const [only] = greatest;
    const column = only?.slice(1, 4).find((one) => one !== undefined);
    if (greatest.length !== 1 || only === undefined || column === undefined) return undefined;
    keys.add(column.replaceAll('"', ""));
    // The greatest day is that of the greatest time.
    const greatestValue = only[1] === undefined
      ? "cast(getvariable('cursor') as date)"
      : "getvariable('cursor')";
    const cursor = expression.replace(only[0], greatestValue);
    const isBare = cursor === greatestValue;
    text = `${text.slice(0, start.index)}${isBare ? cursor : `(${cursor})`}${text.slice(end + 1)}`;
  }
}

function closingBracket(text: string, from: number): number | undefined {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text[at] === "(") depth++;
    if (text[at] === ")" && --depth === 0) return at;
  }
  return undefined;
}

/** Without what stands in brackets. */
function withoutBrackets(text: string): string {
  let depth = 0;
  return Array.from(text, (letter) => {
    if (letter === "(") depth++;
    const shown = depth === 0 ? letter : " ";
    if (letter === ")") depth--;
    return shown;
  }).join("");
}
