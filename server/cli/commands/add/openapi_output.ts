import type { ApiInstallation } from "../../../../engine/definitions/apis/install_api.ts";
import type { OpenApiReading } from "../../../../engine/definitions/openapi/read_openapi.ts";
import { formatPlural } from "../../../../text/format.ts";

/** What was guessed of an OpenAPI document, and what was left out: no part of an API goes missing without a word. */
export interface Told {
  readonly notes: readonly { readonly stream: string | null; readonly message: string }[];
  /** Lists that wait for values, with their names. */
  readonly waiting: readonly { readonly stream: string; readonly needs: readonly string[] }[];
  readonly left_out: readonly { readonly path: string; readonly reason: string }[];
}

/** What there is to tell of a reading of which these streams are added. */
export function tellOf(
  { notes, streamNotes, needs, leftOut }: OpenApiReading,
  streams: readonly string[],
): Told {
  return {
    notes: [
      ...notes.map((message) => ({ stream: null, message })),
      ...streams.flatMap((stream) => (streamNotes[stream] ?? []).map((message) => ({ stream, message }))),
    ],
    waiting: Object.entries(needs).filter(([stream]) => !streams.includes(stream)).map((
      [stream, needed],
    ) => ({
      stream,
      needs: needed,
    })),
    left_out: leftOut.map(({ path, reason }) => ({ path, reason })),
  };
}

/** The pipeline with its notes at its head, where they are found again. */
export function withComments(planned: ApiInstallation, { notes }: Told): ApiInstallation {
  if (notes.length === 0) return planned;
  const lines = [
    "# What was guessed of the OpenAPI document, or could not be told: look at it.",
    ...notes.map(commentOf),
  ];
  const files = planned.files.map((file) =>
    file.before === undefined && file.path.startsWith("pipelines/")
      ? { ...file, content: `${lines.join("\n")}\n${file.content}` }
      : file
  );
  return { ...planned, files };
}

const textOf = ({ stream, message }: Told["notes"][number]): string => `${stream ?? "connector"}: ${message}`;

/** One line, whatever a stranger wrote. */
const commentOf = (note: Told["notes"][number]): string =>
  `# ${textOf(note).replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ")}`;

/** As many of a kind are listed; all are in the JSON. */
const MOST_LISTED = 12;

/** For people. Who chose streams by name is not told of others. */
export function formatTold(
  { notes, waiting, left_out: leftOut }: Told,
  { isDryRun, isChosen }: { readonly isDryRun: boolean; readonly isChosen: boolean },
): string {
  const lines: string[] = [];
  if (notes.length > 0 && !isDryRun) {
    lines.push(
      "",
      "Guessed, or not to be told; it is said in the pipeline as well:",
      ...listed(notes.map(textOf)),
    );
  }
  if (waiting.length > 0 && !isChosen) {
    const shown = waiting.map(({ stream, needs }) => `${stream} (${needs.join(", ")})`);
    lines.push("", `Not added, since they need values by --set:`, ...listed(shown));
  }
  if (leftOut.length > 0 && !isChosen) {
    lines.push("", `Left out of what the API gives by GET:`);
    for (const [reason, paths] of Map.groupBy(leftOut, (one) => one.reason)) {
      const shown = paths.slice(0, 3).map(({ path }) => path.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ")).join(
        ", ",
      );
      lines.push(
        `  ${formatPlural(paths.length, "path")}: ${reason} (${shown}${paths.length > 3 ? " …" : ""})`,
      );
    }
  }
  return lines.join("\n");
}

function listed(lines: readonly string[]): string[] {
  const shown = lines.slice(0, MOST_LISTED).map((line) => `  ${line}`);
  return lines.length > MOST_LISTED ? [...shown, `  … and ${lines.length - MOST_LISTED} more`] : shown;
}
