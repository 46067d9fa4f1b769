import { AppError } from "../../../../contract/errors.ts";
import type { Version, VersionChanges } from "../../../../contract/versions/version.ts";
import type { CommandRun } from "../../command.ts";
import { connect } from "../../connect.ts";
import { readFolders, readInteger } from "../../settings.ts";
import { type ColumnSpec, formatTable } from "../../table.ts";
import { planLines } from "../../plan/plan_text.ts";
import { formatTime, oneLine, printable, withoutSeconds } from "../../text.ts";

const COLUMNS: readonly ColumnSpec[] = [
  { title: "REVISION" },
  { title: "IN FORCE SINCE (UTC)", short: withoutSeconds },
  { title: "COMMIT", mayGo: true },
  { title: "AUTHOR", mayGo: true },
  { title: "MESSAGE", minWidth: 16 },
];

/** Digits of a revision's id that lists show, enough to name it by. */
const SHOWN_DIGITS = 12;
const DEFAULT_VERSIONS = 20;

/**
 * `sluice versions PIPELINE [REVISION]`: what has been in force, and what a revision changed. `--file` is about one file,
 * `--diff` shows the differences.
 */
export const versions: CommandRun = async (invocation, context) => {
  const [pipeline = "", revision] = invocation.arguments;
  const { terminal } = context;
  const [file, against] = [invocation.text("file"), invocation.text("against")];
  const one = file === undefined ? {} : { file };
  if (against !== undefined && revision === undefined) {
    throw new AppError(
      "invalid",
      "--against needs the revision that is compared: sluice versions PIPELINE REVISION",
    );
  }
  const isPlanned = invocation.flag("plan");
  if (isPlanned && revision === undefined) {
    throw new AppError("invalid", "--plan needs a revision: sluice versions PIPELINE REVISION --plan");
  }
  const limit = readInteger(invocation, "limit", { minimum: 1, maximum: 500, fallback: DEFAULT_VERSIONS });
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "read",
  );
  const { engine } = connection;
  if (revision !== undefined) {
    const changes = await engine.versions.changes(pipeline, revision, {
      ...one,
      ...(against === undefined ? {} : { against }),
      ...(isPlanned ? { plan: true } : {}),
    });
    terminal.out(invocation.flag("json") ? JSON.stringify(changes) : formatRevision(changes));
    return 0;
  }
  const found = await engine.versions.list(pipeline, { limit, ...one });
  if (!invocation.flag("diff")) {
    terminal.out(invocation.flag("json") ? JSON.stringify(found) : formatVersions(found));
    return 0;
  }
  const told = new Set<string>();
  for (const version of found) {
    if (!version.kept || told.has(version.revision)) continue;
    told.add(version.revision);
    const changes = await engine.versions.changes(pipeline, version.revision, one);
    if (invocation.flag("json")) terminal.out(JSON.stringify({ ...version, ...changes }));
    else terminal.out(`${headOf(version)}\n${formatChanges(changes)}\n`);
  }
  return 0;
};

/** `sluice rollback PIPELINE [REVISION]`: puts an earlier revision in force. */
export const rollback: CommandRun = async (invocation, context) => {
  const [pipeline = "", revision] = invocation.arguments;
  const { terminal } = context;
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "change",
  );
  const { from, to } = await connection.engine.versions.rollBack(pipeline, revision);
  if (invocation.flag("json")) terminal.out(JSON.stringify({ from, to }));
  else {
    terminal.out(`${pipeline}: ${short(to)} is in force in the place of ${short(from)}`);
    terminal.note("It stays until the pipeline's files change.");
  }
  return 0;
};

function formatVersions(found: readonly Version[]): string {
  return formatTable(
    COLUMNS,
    found.map((version) => [
      `${short(version.revision)}${version.in_force ? " *" : version.kept ? "" : " (gone)"}`,
      formatTime(version.in_force_at),
      commitOf(version),
      oneLine(version.commit?.author ?? ""),
      oneLine(version.commit?.subject ?? ""),
    ]),
  );
}

function headOf(version: Version): string {
  const { revision, in_force_at: at, commit } = version;
  const message = commit === null ? "" : `: ${oneLine(commit.subject)} (${oneLine(commit.author)})`;
  return `${short(revision)}  ${formatTime(at)}  ${commitOf(version)}${message}`;
}

/** What the change does goes before its texts. */
function formatRevision(changes: VersionChanges): string {
  const { plan } = changes;
  return [...plan === undefined ? [] : [...planLines(plan, false), ""], formatChanges(changes)].join("\n");
}

function formatChanges({ from, to, files }: VersionChanges): string {
  if (files.length === 0) {
    return `Nothing differs between ${from === null ? "nothing" : short(from)} and ${short(to)}`;
  }
  return files.map(({ path, change, diff }) => `${change}: ${printable(path)}\n${printable(diff)}`).join("\n")
    .trimEnd();
}

const short = (revision: string): string => revision.slice(0, SHOWN_DIGITS);

const commitOf = ({ git_commit: commit }: Version): string =>
  commit === null ? "" : `${commit.slice(0, SHOWN_DIGITS)}${commit.endsWith("+dirty") ? "+dirty" : ""}`;
