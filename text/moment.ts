const TIME = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?$/;

/** A date or a time as ISO 8601 with its zone, UTC where none is said; undefined for any other text. */
export function timeText(text: string): string | undefined {
  if (!TIME.test(text)) return undefined;
  const [, time = text, zone] = /^(.+\d)(Z|[+-]\d\d(?::?\d\d)?)$/.exec(text.length > 10 ? text : "") ?? [];
  if (text.length === 10) return `${text}T00:00:00Z`;
  const minutes = zone === undefined || zone === "Z" || zone.includes(":")
    ? zone
    : `${zone.slice(0, 3)}:${zone.slice(3).padEnd(2, "0")}`;
  return `${time.replace(" ", "T")}${minutes ?? "Z"}`;
}
