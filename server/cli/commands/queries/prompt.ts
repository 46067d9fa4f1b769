import { resolve } from "node:path";
import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { AppError } from "../../../../contract/errors.ts";
import { MAX_ROWS } from "../../../../contract/queries/rows.ts";
import { findTable, type Table } from "../../../../contract/table.ts";
import type { Engine } from "../../../../engine/control/engine.ts";
import { formatCount } from "../../../../text/format.ts";
import { didYouMeanOneOf } from "../../../../text/suggest.ts";
import type { CliContext } from "../../command.ts";
import { readRowFormat, ROW_FORMATS } from "../../rows/row_formats.ts";
import { formatTable } from "../../table.ts";
import type { Terminal } from "../../terminal.ts";
import { formatTime, oneLine } from "../../text.ts";
import { askQuery, type QuerySettings } from "./ask_query.ts";
import { dotCommand } from "./dot_command.ts";
import { type HistoryFile, isKept, openHistory } from "./history_file.ts";
import { onOneLine, splitStatements } from "./statements.ts";

const COMPLETION_MS = 3_000;

const HELP =
  `SQL ends with ; and may take several lines. Tab completes, Ctrl-C stops a query or drops what is typed.

.tables [PIPELINE]   the tables, with their rows
.schema TABLE        the columns of one, as \\d TABLE
.use PIPELINE        whose tables are meant by their names alone
.format FORMAT       ${ROW_FORMATS.join(", ")}; \\x is .format record
.output [FILE]       rows go into a file from now on, without one to the screen again
.limit N             so many rows at most
.help                this
.exit                leaves, as Ctrl-D and \\q`;

type Dot = (prompt: Prompt, argument: string) => Promise<void> | void;

const DOTS: Readonly<Record<string, Dot>> = {
  ".tables": (prompt, argument) => prompt.tables(argument),
  ".schema": (prompt, argument) => prompt.schema(argument),
  ".use": (prompt, argument) => prompt.use(argument),
  ".format": (prompt, argument) => prompt.change({ format: readRowFormat(argument) }),
  ".output": (prompt, argument) => prompt.output(argument),
  ".limit": (prompt, argument) => prompt.change({ limit: limitOf(argument) }),
  ".help": (prompt) => prompt.terminal.out(HELP),
  ".exit": (prompt) => prompt.leave(),
};

/** Asks what is typed until its end. Returns the exit code. */
export async function runPrompt(
  engine: Engine,
  settings: QuerySettings,
  context: CliContext,
): Promise<number> {
  const history = await openHistory(context.env("HOME"));
  const prompt = new Prompt(engine, settings, context, history);
  // Where the terminal is gone, or its process is to end.
  using _interrupts = context.onInterrupt(() => prompt.leave(), { withHangup: true });
  return await prompt.run();
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= MAX_ROWS) return limit;
  throw new AppError("invalid", `.limit takes a whole number from 1 to ${MAX_ROWS.toLocaleString("en")}`);
}

function openOutput(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, create: true, truncate: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("invalid", `Cannot write ${path}: ${reason}`, { cause: error });
  }
}

class Prompt {
  readonly terminal: Terminal;
  readonly #cwd: string;
  /** Where rows go, where that is not the screen. */
  #output: Deno.FsFile | undefined;
  readonly #engine: Engine;
  readonly #history: HistoryFile;
  readonly #lines: Interface;
  readonly #done = Promise.withResolvers<void>();
  #settings: QuerySettings;
  /** Lines of a statement that has no end yet. */
  #typed: string[] = [];
  /** Of lines that are worked on or wait for it: one is there from the moment that its line is. */
  readonly #running = new Set<AbortController>();
  /** Lines are worked on one after the other: several may be pasted at once. */
  #work: Promise<void> = Promise.resolve();
  #isOver = false;
  /** As readline keeps it, newest first. */
  #shown: string[] | undefined;

  constructor(
    engine: Engine,
    settings: QuerySettings,
    { terminal, cwd }: Pick<CliContext, "terminal" | "cwd">,
    history: HistoryFile,
  ) {
    this.#engine = engine;
    this.#settings = settings;
    this.terminal = terminal;
    this.#cwd = cwd;
    this.#history = history;
    this.#lines = createInterface({
      input: process.stdin,
      output: process.stdout,
      terminal: true,
      history: [...history.entries],
      historySize: 1_000,
      removeHistoryDuplicates: true,
      completer: (line: string, done: (error: null, result: [string[], string]) => void) =>
        void this.#complete(line).then((result) => done(null, result)),
    });
  }

  async run(): Promise<number> {
    const { pipeline } = this.#settings;
    if (pipeline !== undefined) await this.#engine.listTables(pipeline);
    this.terminal.note(
      "Rows are read from copies, and nothing can be changed. .help says more, .exit leaves.",
    );
    this.#lines.on("history", (lines: string[]) => void (this.#shown = lines));
    this.#lines.on("line", (line) => {
      const stop = new AbortController();
      this.#running.add(stop);
      this.#work = this.#work.then(() => this.#take(line, stop.signal))
        .finally(() => this.#running.delete(stop));
    });
    this.#lines.on("SIGINT", () => this.#interrupt());
    this.#lines.on("close", () => {
      this.#isOver = true;
      // What was pasted before the end is asked still.
      void this.#work.then(() => this.#done.resolve());
    });
    this.#ask();
    await this.#done.promise;
    this.output("");
    return 0;
  }

  leave(): void {
    this.#isOver = true;
    this.#stop();
    this.#lines.close();
  }

  change(settings: Partial<QuerySettings>): void {
    this.#settings = { ...this.#settings, ...settings };
  }

  /** Into a file that is written anew, until the next one; without a name to the screen. */
  output(path: string): void {
    const file = path === "" ? undefined : openOutput(resolve(this.#cwd, path));
    this.#output?.close();
    this.#output = file;
  }

  /** Takes rows: a file is no screen, and has all columns. */
  #rowTerminal(): Terminal {
    const file = this.#output;
    if (file === undefined) return this.terminal;
    return {
      ...this.terminal,
      isScreen: false,
      tableColumns: () => Infinity,
      out: (text) => {
        let bytes = new TextEncoder().encode(`${text}\n`);
        while (bytes.length > 0) bytes = bytes.subarray(file.writeSync(bytes));
      },
    };
  }

  async use(pipeline: string): Promise<void> {
    if (pipeline === "") throw new AppError("invalid", ".use takes the name of a pipeline");
    await this.#engine.listTables(pipeline);
    this.change({ pipeline });
  }

  async tables(argument: string): Promise<void> {
    const pipeline = argument === "" ? this.#settings.pipeline : argument;
    const names = pipeline === undefined ? await this.#engine.pipelineNames() : [pipeline];
    const rows: string[][] = [];
    for (const name of names) {
      const prefix = name === this.#settings.pipeline ? "" : `${name}.`;
      for (const table of await this.#engine.listTables(name)) {
        if (table.columns.length === 0) continue;
        rows.push([`${prefix}${table.name}`, formatCount(table.row_count), formatTime(table.changed_at)]);
      }
    }
    this.terminal.out(
      formatTable([{ title: "TABLE" }, { title: "ROWS", align: "right" }, { title: "CHANGED (UTC)" }], rows),
    );
  }

  async schema(argument: string): Promise<void> {
    if (argument === "") {
      throw new AppError("invalid", ".schema takes the name of a table, as daily or raw.orders");
    }
    const table = await this.#findTable(argument.replaceAll('"', ""));
    this.terminal.out(
      formatTable(
        [{ title: "COLUMN" }, { title: "TYPE" }, { title: "ABOUT" }],
        table.columns.map(({ name, type, description }) => [name, type, description ?? ""]),
        this.terminal.tableColumns(),
      ),
    );
  }

  async #findTable(name: string): Promise<Table> {
    const { pipeline } = this.#settings;
    const [first = "", ...rest] = name.split(".");
    if (rest.length > 0 && first !== pipeline && (await this.#engine.pipelineNames()).includes(first)) {
      return findTable(await this.#engine.listTables(first), first, rest.join("."));
    }
    if (pipeline === undefined) {
      throw new AppError("invalid", "Which pipeline's? Write shop.daily, or choose one with .use PIPELINE");
    }
    return findTable(await this.#engine.listTables(pipeline), pipeline, name);
  }

  #ask(): void {
    if (this.#isOver) return;
    this.#lines.setPrompt(
      this.#typed.length > 0 ? "   … " : `${oneLine(this.#settings.pipeline ?? "sluice")}> `,
    );
    this.#lines.prompt();
  }

  #stop(): void {
    for (const stop of this.#running) stop.abort(new AppError("cancelled", "The query was stopped"));
  }

  async #take(line: string, signal: AbortSignal): Promise<void> {
    try {
      if (this.#typed.length === 0 && dotCommand(line) !== undefined) await this.#command(line.trim());
      else await this.#sql(line, signal);
    } catch (error) {
      this.terminal.note(`error: ${oneLine(error instanceof Error ? error.message : String(error))}`);
      if (!(error instanceof AppError)) throw error;
    }
    this.#ask();
  }

  async #command(line: string): Promise<void> {
    const { name, argument } = dotCommand(line) ?? { name: line, argument: "" };
    const dot = Object.hasOwn(DOTS, name) ? DOTS[name] : undefined;
    if (dot === undefined) {
      throw new AppError(
        "invalid",
        `There is no ${name}${didYouMeanOneOf(name, Object.keys(DOTS))}; .help lists them`,
      );
    }
    await dot(this, argument);
    await this.#history.add(line);
  }

  async #sql(line: string, signal: AbortSignal): Promise<void> {
    this.#typed.push(line);
    const text = this.#typed.join("\n");
    const statements = splitStatements(text);
    if (statements.length === 0) {
      this.#typed = [];
      return;
    }
    if (statements.at(-1)?.isEnded !== true) return;
    this.#remember(text, this.#typed.length);
    this.#typed = [];
    for (const { sql } of statements) {
      if (!await askQuery(this.#engine.queries, sql, this.#settings, this.#rowTerminal(), signal)) return;
    }
  }

  /** Several lines are one entry, where they can be one line. */
  #remember(text: string, count: number): void {
    const entry = onOneLine(text);
    if (entry === undefined) return;
    if (count > 1) this.#shown?.splice(0, count, entry);
    if (isKept(text)) void this.#history.add(entry);
  }

  #interrupt(): void {
    if (this.#running.size > 0) return this.#stop();
    const isEmpty = this.#typed.length === 0 && this.#lines.line === "";
    this.#typed = [];
    // What stands on the line is dropped as readline itself does it: to the line's start, and all of it.
    this.#lines.write(null, { ctrl: true, name: "e" });
    this.#lines.write(null, { ctrl: true, name: "u" });
    this.terminal.out(isEmpty ? "\n(.exit or Ctrl-D leaves)" : "^C");
    this.#ask();
  }

  async #complete(line: string): Promise<[string[], string]> {
    const text = [...this.#typed, line].join("\n");
    if (this.#typed.length === 0 && line.startsWith(".")) {
      const [name = ""] = /^\S*$/.exec(line) ?? [];
      if (name !== "") return [Object.keys(DOTS).filter((dot) => dot.startsWith(name)), line];
      const [, dot = "", begun = ""] = /^(\.\S+)\s+(\S*)$/.exec(line) ?? [];
      return [await this.#argumentsOf(dot, begun), begun];
    }
    // Only the statement that is written counts.
    const last = splitStatements(text).at(-1);
    if (last === undefined || last.isEnded) return [[], line];
    try {
      const { start, words } = await this.#engine.queries.complete(
        { sql: last.sql, pipeline: this.#settings.pipeline },
        AbortSignal.timeout(COMPLETION_MS),
      );
      return [[...words], last.sql.slice(start)];
    } catch {
      return [[], line];
    }
  }

  async #argumentsOf(dot: string, begun: string): Promise<string[]> {
    const { pipeline } = this.#settings;
    const words = dot === ".format"
      ? [...ROW_FORMATS]
      : dot === ".use" || dot === ".tables"
      ? await this.#engine.pipelineNames()
      : dot === ".schema" && pipeline !== undefined
      ? (await this.#engine.listTables(pipeline)).map(({ name }) => name)
      : [];
    return words.filter((word) => word.startsWith(begun));
  }
}
