import * as v from "valibot";
import { AppError } from "../../contract/errors.ts";
import { type NameKind, nameSchema } from "../../contract/names.ts";
import { boundFaults, type Fault, type SourcePlace } from "../../text/fault.ts";
import { checkSchema, isCut, type SchemaFault } from "../../text/schema_faults.ts";
import { type DocumentPath, parseYamlDocument, type YamlDocument } from "../../text/yaml_document.ts";
import { hasReference, parseReferences, visitTexts } from "../secrets/references.ts";
import type { PipelineFault } from "./check_pipeline.ts";
import { isRecord } from "../../text/is_record.ts";

/** Files of the project that hold named entries of several types: connectors.yaml, notifiers.yaml. */

/** What such a file holds, as far as it is right. */
export interface NamedEntries<Entry> {
  /** Those without a fault, references not replaced. */
  readonly entries: Readonly<Record<string, Entry>>;
  /** Names of those that are there but have a fault. */
  readonly broken: ReadonlySet<string>;
  /** False where the file as a whole could not be read: then no name is known. */
  readonly isReadable: boolean;
  readonly faults: readonly Fault[];
  /** Where the value at a path stands, as `["shop", "url"]`; of an entry without one, the entry. */
  place(path: DocumentPath): SourcePlace;
}

/** An entry that has a type, whichever. */
export interface TypedEntry {
  readonly type: string;
  readonly [key: string]: unknown;
}

export const noEntries = (file: string): NamedEntries<never> => ({
  entries: {},
  broken: new Set(),
  isReadable: true,
  faults: [],
  place: () => ({ file }),
});

/**
 * Reads the text of such a file; `check` says of an entry what it is, or what is wrong with it. Never throws for what a
 * user wrote.
 */
export function parseNamedEntries<Entry>(
  text: string,
  file: string,
  kind: NameKind,
  check: (name: string, entry: TypedEntry) => Entry | readonly SchemaFault[],
): NamedEntries<Entry> {
  const document = parseYamlDocument(text, file);
  const unreadable = { ...noEntries(file), isReadable: false };
  if (document.value === undefined) return { ...unreadable, faults: document.faults };
  const { $schema: _schema, ...named } = isRecord(document.value) ? document.value : {};
  const value = isRecord(document.value) ? named : document.value;

  const entries: Record<string, Entry> = {};
  const broken = new Set<string>();
  const all: SchemaFault[] = [];
  const report = (found: readonly SchemaFault[]) => {
    for (const fault of found) {
      all.push(fault);
      if (fault.path[0] !== undefined) broken.add(String(fault.path[0]));
    }
  };

  const shape = checkSchema(v.record(nameSchema(kind), v.looseObject({ type: v.string() })), value);
  if ("faults" in shape) {
    report(shape.faults);
    // Of the faults that are not told nobody knows whose they are.
    if (broken.size === 0 || isCut(shape.faults)) {
      return { ...unreadable, faults: placedFaults(document, all) };
    }
  }
  for (const [name, entry] of Object.entries(isRecord(value) ? value : {})) {
    if (broken.has(name) || !isTypedEntry(entry)) continue;
    const found = check(name, entry);
    if (isFaults(found)) report(found);
    else entries[name] = found;
  }
  return {
    entries,
    broken,
    isReadable: true,
    faults: placedFaults(document, all),
    place: document.valuePlace,
  };
}

/** Finding a place takes longer the larger the file is: it is done for those that are shown. */
export function placedFaults(document: YamlDocument, all: readonly SchemaFault[]): Fault[] {
  const errors = all.map(({ path, at, message }): PipelineFault => ({
    path,
    at,
    message,
    severity: "error",
  }));
  const shown = boundFaults<PipelineFault>(
    errors,
    (message, severity) => ({ path: [], at: "key", message, severity }),
  );
  return shown.map((fault) => ({
    ...placeOf(document, fault),
    message: fault.message,
    severity: fault.severity,
  }));
}

/** Where a schema's fault stands in the document. */
export function placeOf(document: YamlDocument, fault: { path: DocumentPath; at: "key" | "value" }) {
  return fault.at === "key" ? document.place(fault.path) : document.valuePlace(fault.path);
}

/** The references in the entry's texts that are written wrongly. */
export function referenceFaults(name: string, entry: unknown): SchemaFault[] {
  return textFaults(name, entry, (text) => {
    try {
      parseReferences(text);
      return undefined;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return error.message;
    }
  });
}

/** The entry's texts with which something is wrong, as `faultOf` says. */
export function textFaults(
  name: string,
  entry: unknown,
  faultOf: (text: string) => string | undefined,
): SchemaFault[] {
  const faults: SchemaFault[] = [];
  visitTexts(entry, (text, inner) => {
    const fault = faultOf(text);
    if (fault === undefined) return;
    const path = [name, ...inner];
    faults.push({ path, at: "value", message: `${path.join(".")}: ${fault}`, kind: "format", input: text });
  });
  return faults;
}

/** Whether the value waits for a reference: its format shows only when a run resolves it. */
export function isStillOpen(value: unknown): boolean {
  let found = false;
  visitTexts(value, (text) => {
    found ||= hasReference(text);
  });
  return found;
}

/** Faults of a schema but for formats of texts that are not resolved yet. */
export const settledFaults = (faults: readonly SchemaFault[]): SchemaFault[] =>
  faults.filter(({ kind, input }) => !(kind === "format" && isStillOpen(input)));

const isFaults = <Entry>(found: Entry | readonly SchemaFault[]): found is readonly SchemaFault[] =>
  Array.isArray(found);

function isTypedEntry(value: unknown): value is TypedEntry {
  return isRecord(value) && typeof value["type"] === "string";
}
