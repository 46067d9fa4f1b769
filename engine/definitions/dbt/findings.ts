/** What an import tells: what it could not turn into the same, and what is another way than in dbt. */
export interface Finding {
  /** hand: somebody has to do it. note: it is done, and in another way. */
  readonly kind: "hand" | "note";
  /** From the dbt project's folder, or the new one's. */
  readonly file: string;
  readonly line?: number;
  readonly message: string;
}

export interface Findings {
  hand(file: string, message: string, line?: number): void;
  note(file: string, message: string, line?: number): void;
  readonly all: readonly Finding[];
}

/** Each finding once. */
export function createFindings(): Findings {
  const found = new Map<string, Finding>();
  const add = (kind: Finding["kind"], file: string, message: string, line?: number) => {
    const finding = { kind, file, message, ...(line === undefined ? {} : { line }) };
    found.set(JSON.stringify(finding), finding);
  };
  return {
    hand: (file, message, line) => add("hand", file, message, line),
    note: (file, message, line) => add("note", file, message, line),
    get all() {
      return [...found.values()];
    },
  };
}

/** What an error of the template's evaluation says, with its line where it has one. */
export function faultOf(error: unknown): { message: string; line?: number } {
  const text = error instanceof Error ? error.message : String(error);
  const [, line, message] = /^line (\d+): ([\s\S]*)$/.exec(text) ?? [];
  return line === undefined ? { message: text } : { line: Number(line), message: message ?? text };
}
