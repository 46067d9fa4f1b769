import { resolve } from "node:path";
import { AUDIT_OUTCOMES } from "../../../../contract/audit/entry.ts";
import type { AuditLine } from "../../../../contract/audit/line.ts";
import { AppError } from "../../../../contract/errors.ts";
import { readPages } from "../../../../contract/lists/page.ts";
import { EXPORT_FORMATS, type ExportFormat } from "../../../../engine/control/audit/export_lines.ts";
import type { AuditConditions, AuditReader } from "../../../../engine/control/audit/reader.ts";
import { didYouMean } from "../../../../text/suggest.ts";
import { formatPlural } from "../../../../text/format.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { connect } from "../../connect.ts";
import { readFolders, readLimit } from "../../settings.ts";
import { formatTable } from "../../table.ts";
import { formatTime, withoutSeconds } from "../../text.ts";

/** `sluice audit [list | export | verify]`. */
export const audit: CommandRun = async (invocation, context) => {
  const [action = "list"] = invocation.arguments;
  const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (act === undefined) {
    const names = Object.keys(ACTIONS);
    throw new AppError(
      "invalid",
      `sluice audit ${action}: expected ${names.join(", ")}${didYouMean(action, names)}`,
    );
  }
  const conditions = readConditions(invocation);
  const folders = readFolders(invocation, context);
  await using connection = await connect(folders, context, invocation.command, "read");
  return await act(await connection.audit(), conditions, invocation, context);
};

type Act = (
  reader: AuditReader,
  conditions: AuditConditions,
  invocation: Invocation,
  context: CliContext,
) => Promise<number>;

const ACTIONS: Readonly<Record<string, Act>> = {
  async list(reader, conditions, invocation, { terminal }) {
    const limit = invocation.flag("all") ? Infinity : readLimit(invocation, 50);
    const found = await readPages(
      limit,
      ({ limit, cursor }) =>
        reader.list(conditions, { limit, ...(cursor === undefined ? {} : { before: Number(cursor) }) }),
      ({ seq }) => String(seq),
    );
    if (invocation.flag("json")) terminal.out(JSON.stringify(found));
    else if (found.length === 0) terminal.note("No line fits what was asked for.");
    else terminal.out(formatLines(found, terminal.tableColumns()));
    return 0;
  },

  async export(reader, conditions, invocation, { terminal, cwd }) {
    const format = readFormat(invocation);
    const text = await reader.export(conditions, format);
    const output = invocation.text("output");
    if (output === undefined) {
      let rest = "";
      for await (const part of text.pipeThrough(new TextDecoderStream())) {
        const end = (rest + part).lastIndexOf("\n");
        if (end !== -1) terminal.out((rest + part).slice(0, end));
        rest = (rest + part).slice(end + 1);
        if (terminal.closed.aborted) break;
      }
      return 0;
    }
    const path = resolve(cwd, output);
    const file = await createFile(path);
    await text.pipeTo(file.writable);
    terminal.note(`Exported the audit log to ${path}`);
    return 0;
  },

  async verify(reader, _conditions, invocation, { terminal }) {
    const expect = invocation.text("expect");
    if (expect !== undefined && !/^[0-9a-f]{64}$/.test(expect)) {
      throw new AppError("invalid", `--expect is "${expect}", expected the hash of a line: 64 hex digits`);
    }
    const found = await reader.verify(expect);
    if (invocation.flag("json")) terminal.out(JSON.stringify(found));
    else if (found.fault === null) {
      const since = found.first_at === null ? "" : ` since ${formatTime(found.first_at)}`;
      terminal.out(`${formatPlural(found.lines, "line")}${since}: all are as they were written`);
      terminal.out(`The last is ${found.last_seq}: ${found.last_hash}`);
    } else terminal.out(`Line ${found.fault.seq}: ${found.fault.message}`);
    return found.ok ? 0 : 1;
  },
};

function readConditions(invocation: Invocation): AuditConditions {
  const names = ["action", "actor", "target", "pipeline", "since", "until", "text"] as const;
  const texts = names.flatMap((name) => {
    const text = invocation.text(name);
    return text === undefined ? [] : [[name, text] as const];
  });
  const asked = invocation.text("outcome");
  const outcome = AUDIT_OUTCOMES.find((known) => known === asked);
  if (asked !== undefined && outcome === undefined) {
    throw new AppError("invalid", `--outcome is "${asked}", expected one of ${AUDIT_OUTCOMES.join(", ")}`);
  }
  return { ...Object.fromEntries(texts), ...(outcome === undefined ? {} : { outcome }) };
}

function readFormat(invocation: Invocation): ExportFormat {
  const asked = invocation.text("format") ?? "ndjson";
  const format = EXPORT_FORMATS.find((known) => known === asked);
  if (format !== undefined) return format;
  throw new AppError("invalid", `--format is "${asked}", expected one of ${EXPORT_FORMATS.join(", ")}`);
}

/** For this user alone. Throws conflict for a file that is there. */
async function createFile(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new AppError("conflict", `Cannot write ${path}: it is there already; give another name`);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("invalid", `Cannot write ${path}: ${reason}`, { cause: error });
  }
}

function formatLines(lines: readonly AuditLine[], width: number): string {
  return formatTable(
    [
      { title: "SEQ", align: "right", mayGo: true },
      { title: "AT (UTC)", short: withoutSeconds },
      { title: "WHO", minWidth: 10 },
      { title: "DID" },
      { title: "TO", minWidth: 10 },
      { title: "OUTCOME" },
      { title: "FROM", mayGo: true },
    ],
    lines.map(({ seq, at, action, actor, target, outcome }) => [
      String(seq),
      formatTime(at),
      actor.name,
      action,
      target === null ? "–" : `${target.kind} ${target.name}`,
      outcome,
      actor.address ?? "–",
    ]),
    width,
  );
}
