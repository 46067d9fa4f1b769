/** What people type who know the prompts of psql, SQLite and DuckDB. */
const ALIASES: Readonly<Record<string, string>> = {
  ".mode": ".format",
  ".describe": ".schema",
  ".quit": ".exit",
  ".q": ".exit",
  ".h": ".help",
  "\\dt": ".tables",
  "\\c": ".use",
  "\\x": ".format record",
  "\\o": ".output",
  "\\q": ".exit",
  "\\?": ".help",
  "\\h": ".help",
};

/** A line that is a command of the prompt, by its own name; undefined for SQL. */
export function dotCommand(
  line: string,
): { readonly name: string; readonly argument: string } | undefined {
  const [, written = "", rest = ""] = /^\s*([.\\]\S*)\s*(.*?)\s*;?\s*$/.exec(line) ?? [];
  if (written === "") return undefined;
  const described = written === "\\d" || written === "\\d+";
  const meant = described
    ? rest === "" ? ".tables" : ".schema"
    : Object.hasOwn(ALIASES, written)
    ? ALIASES[written] ?? written
    : written;
  const [name = "", ...more] = meant.split(" ");
  return { name, argument: [...more, ...(rest === "" ? [] : [rest])].join(" ") };
}
