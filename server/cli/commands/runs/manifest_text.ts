import type { TableFacts } from "../../../../contract/runs/manifest.ts";
import type { RunManifest } from "../../../../contract/runs/run_manifest.ts";
import { formatCount } from "../../../../text/format.ts";
import { formatTable } from "../../table.ts";
import { formatTime, oneLine } from "../../text.ts";

/** A manifest as `sluice show RUN --manifest` prints it: hashes cut short, which --json has whole. */
export function formatManifest(manifest: RunManifest, width: number): string {
  const { run, pipeline, revision, git_commit: commit, versions, params, select, inputs, models, loads } =
    manifest;
  const facts: readonly (readonly [string, string])[] = [
    ["run", run],
    ["pipeline", pipeline],
    ["revision", revision.slice(0, 12) + (commit === null ? "" : `, commit ${commit.slice(0, 12)}`)],
    ["versions", versions.map(({ sluice, duckdb }) => `sluice ${sluice}, duckdb ${duckdb}`).join("; ")],
    ["window", `${startText(manifest.window_start)} to ${formatTime(manifest.window_end)} UTC`],
    ["select", select ?? ""],
    ["mode", manifest.full_refresh ? "full refresh" : ""],
    ["replay", manifest.replay.reason ?? "sluice replay does it again"],
    ["params", Object.entries(params).map(([name, value]) => `${name}=${value}`).join(" ")],
  ];
  const head = facts.filter(([, value]) => value !== "").map(([name, value]) =>
    `${name.padEnd(10)}${oneLine(value)}`
  );
  const parts = [head.join("\n")];
  if (inputs.length > 0) parts.push(factTable("READ", inputs, width));
  if (models.length > 0) parts.push(modelTable(models, width));
  const receipts = loads.map(({ load, rows, hash = null }) => ({ table: load, rows, hash }));
  if (loads.length > 0) parts.push(factTable("LOADED", receipts, width));
  return parts.join("\n\n");
}

const startText = (start: string | null): string => start === null ? "the beginning" : formatTime(start);

function modelTable(models: RunManifest["models"], width: number): string {
  return formatTable(
    [
      { title: "MODEL", minWidth: 16 },
      { title: "STATE" },
      { title: "SQL" },
      { title: "ROWS", align: "right" },
      { title: "HASH" },
      { title: "BUILT FROM", minWidth: 16, mayGo: true },
    ],
    models.map(({ model, state, sha256, output, rows, before, inputs = [] }) => [
      oneLine(model),
      state,
      sha256?.slice(0, 12) ?? "",
      formatCount(output?.rows ?? rows),
      hashText(output),
      [...(before === undefined ? [] : [before]), ...inputs].map(({ table }) => oneLine(table)).join(", "),
    ]),
    width,
  );
}

function factTable(title: string, facts: readonly TableFacts[], width: number): string {
  return formatTable(
    [{ title, minWidth: 16 }, { title: "ROWS", align: "right" }, { title: "HASH" }],
    facts.map((one) => [oneLine(one.table), formatCount(one.rows), hashText(one)]),
    width,
  );
}

function hashText(facts: TableFacts | undefined): string {
  if (facts === undefined) return "";
  return facts.hash?.slice(0, 12) ?? facts.left_out ?? "";
}
