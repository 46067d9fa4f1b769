import type { PreparedScan } from "../../../contract/connector/source.ts";
import type { Scratch } from "../../locations/scratch.ts";
import type { PathColumn } from "../read/path_columns.ts";
import { SetAsideRecords } from "../read/set_aside.ts";
import type { JsonPlan } from "./json_plan.ts";
import { jsonSetAside, PLACE_KEY } from "./json_relation.ts";
import { rereadJson } from "./json_survey.ts";
import type { SurveyedFile } from "./surveyed.ts";

/**
 * Copies all files a record a line, each with its place as the first key, and puts aside the lines that are no
 * records; returns the relations of the records that fit and of all others.
 */
export async function copyPlaced(
  plan: JsonPlan,
  extra: readonly PathColumn[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<Pick<PreparedScan, "relation" | "rejects">> {
  await using broken = await SetAsideRecords.create(scratch);
  const files: SurveyedFile[] = [];
  for (const file of plan.survey.files) {
    await copyFile(file, scratch, broken, signal);
    const layout = file.layout === "array" ? "unstructured" : file.layout;
    files.push({ ...file, layout, isOdd: true });
  }
  // The place makes each record somewhat longer.
  const maxRecordBytes = plan.survey.maxRecordBytes + MAX_PLACE_BYTES;
  const placed = { ...plan, survey: { ...plan.survey, files, maxRecordBytes } };
  const { fitting, rejected } = jsonSetAside(placed, extra, { prefix: scratch.path });
  return { relation: fitting, rejects: `(${[...rejected, broken.select].join(" UNION ALL BY NAME ")})` };
}

const MAX_PLACE_BYTES = 16_384;
const CLOSING_BRACE = 0x7d;

async function copyFile(
  file: SurveyedFile,
  scratch: Scratch,
  broken: SetAsideRecords,
  signal: AbortSignal,
): Promise<void> {
  const { shown, localPath } = file.file;
  await using copy = await scratch.create(localPath.slice(1));
  const encoder = new TextEncoder();
  let pieces: Uint8Array[] = [];
  let faults: (() => Promise<void>)[] = [];
  const onRecord = (bytes: Uint8Array, line: number) => {
    const rest = bytes.slice(1);
    const isEmpty = rest[rest.findIndex((byte) => byte > 0x20)] === CLOSING_BRACE;
    const place = `{${JSON.stringify(PLACE_KEY)}:${JSON.stringify(`${shown} line ${line}`)}${
      isEmpty ? "" : ","
    }`;
    pieces.push(encoder.encode(place), rest, LINE_FEED);
  };
  const onFault = (line: number, reason: string, text: string) => {
    faults.push(() => broken.put(`${shown} line ${line}`, reason, text));
  };
  for await (const _ of rereadJson(file, { onRecord, onFault }, signal)) {
    const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    pieces = [];
    await copy.write(bytes);
    const told = faults;
    faults = [];
    for (const tell of told) await tell();
  }
}

const LINE_FEED = new Uint8Array([0x0a]);
