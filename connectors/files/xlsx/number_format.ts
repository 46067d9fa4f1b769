/** What a number format makes of a number: a date, a time, both, an elapsed time, or a number. */
export type NumberKind = "number" | "date" | "datetime" | "time" | "elapsed";

/** The formats that a workbook does not spell out (ECMA-376, part 1, 18.8.30). */
const BUILT_IN: Readonly<Record<number, NumberKind>> = {
  14: "date",
  15: "date",
  16: "date",
  17: "date",
  18: "time",
  19: "time",
  20: "time",
  21: "time",
  22: "datetime",
  ...Object.fromEntries([27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58].map((id) => [id, "date"])),
  ...Object.fromEntries([32, 33, 34, 35, 55, 56].map((id) => [id, "time"])),
  45: "time",
  46: "elapsed",
  47: "time",
};

/** `code` is the format's text where the workbook has one. */
export function numberKind(id: number, code: string | undefined): NumberKind {
  if (code === undefined) return BUILT_IN[id] ?? "number";
  // The first section is that of positive numbers; texts, escaped characters, colours and locales say nothing.
  const [section = ""] = code.split(";");
  const plain = section.replace(/"[^"]*"|\\.|_.|\*./g, "");
  if (/\[(?:h+|m+|s+)\]/i.test(plain)) return "elapsed";
  const parts = plain.replace(/\[[^\]]*\]/g, "").toLowerCase();
  if (parts === "general" || /[#0?]/.test(parts.replace(/s\.0+/g, ""))) return "number";
  const hasTime = /[hs]|am\/pm|a\/p/.test(parts);
  const hasDate = /[yde]/.test(parts) || (/m/.test(parts) && !hasTime);
  if (hasDate) return hasTime ? "datetime" : "date";
  return hasTime ? "time" : "number";
}
