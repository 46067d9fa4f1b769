const PLAIN =
  /^(?:U?(?:TINY|SMALL|BIG)INT|U?INTEGER|BOOLEAN|VARCHAR|BLOB|BIT|JSON|DATE|TIME|TIMETZ|TIME WITH TIME ZONE|TIMESTAMP(?:_S|_MS|_NS|TZ| WITH TIME ZONE)?|ENUM\(.*\))$/s;
/** DuckDB keeps wider ones in 16 bytes. */
const NARROW_DIGITS = 18;

/**
 * What to give DuckDB's hash() for a value of a column, so that it differs where two values do. What it hashes alike by
 * itself: zeros of both signs, intervals of one length, numbers of 16 bytes whose halves are alike (0 and -1), and much of
 * what holds other values (NULL, [] and [NULL]; [[1], [2]] and [[1, 2]]).
 */
export function hashedValues(value: string, type: string): readonly string[] {
  // No list of such: its text ends in brackets.
  if (PLAIN.test(type)) return [value];
  if (type === "DOUBLE" || type === "FLOAT") return [value, `${value} = 0 AND signbit(${value})`];
  const digits = /^DECIMAL\((\d+),\d+\)$/.exec(type)?.[1];
  if (digits !== undefined) {
    // The text of a wide one takes thirty times as long.
    return Number(digits) <= NARROW_DIGITS ? [value] : [value, `CAST(${value} AS DOUBLE)`];
  }
  const tag = type.startsWith("UNION(") && type.endsWith(")") ? [`union_tag(${value})`] : [];
  return [...tag, `CAST(${value} AS VARCHAR)`];
}
