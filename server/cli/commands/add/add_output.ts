import type { ApiInstallation } from "../../../../engine/definitions/apis/install_api.ts";

/** What `sluice add` prints of what it writes. */

/** For programs; `next` are commands as they can be typed. */
export function outcomeOf(
  { name, streams, secrets, files }: ApiInstallation,
  isDryRun: boolean,
  next: readonly string[],
) {
  return {
    name,
    dry_run: isDryRun,
    files: files.map(({ path, content, before }) => ({
      path,
      action: before === undefined ? "created" : "changed",
      content,
    })),
    streams,
    secrets: Object.entries(secrets).map(([name, description]) => ({ name, description })),
    next,
  };
}

/** Files as they would be, of one that is there what would be added. */
export function formatPlan({ files }: ApiInstallation): string {
  return files.map(({ path, content, before }) => {
    const added = before !== undefined && content.startsWith(before) ? content.slice(before.length) : content;
    return `# ${path}${before === undefined ? "" : ", at its end"}\n${added.trim()}\n`;
  }).join("\n");
}

export function formatDone(
  { name, streams, secrets, files }: ApiInstallation,
  next: readonly string[],
): string {
  const lines = files.map(({ path, before }) => `${before === undefined ? "made" : "changed"} ${path}`);
  lines.push(`"${name}" reads ${streams.join(", ")}`);
  const needed = Object.entries(secrets);
  if (needed.length > 0) {
    lines.push("", "Secrets, as variables of the environment or as files:");
    for (const [secret, description] of needed) lines.push(`  ${secret}: ${description}`);
  }
  return [...lines, "", "Next:", ...next.map((line) => `  ${line}`)].join("\n");
}
