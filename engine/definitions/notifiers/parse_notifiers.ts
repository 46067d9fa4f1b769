import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import {
  isNotifierType,
  NOTIFIER_TYPES,
  type NotifierDefinition,
  notifierSchemas,
} from "../../../contract/alerts/notifiers.ts";
import { BODY_PLACES, EVENT_PLACES } from "../../../contract/alerts/templates.ts";
import { nameSchema } from "../../../contract/names.ts";
import { boundFaults, type Fault, type SourcePlace } from "../../../text/fault.ts";
import { checkSchema, isCut, type SchemaFault } from "../../../text/schema_faults.ts";
import { didYouMean, listWords } from "../../../text/suggest.ts";
import { placesIn } from "../../../text/template.ts";
import { type DocumentPath, parseYamlDocument, type YamlDocument } from "../../../text/yaml_document.ts";
import { hasReference, parseReferences, visitTexts } from "../../grants/references.ts";

export const NOTIFIERS_FILE = "notifiers.yaml";

export interface ParsedNotifiers {
  /** Those without a fault, references not replaced. */
  readonly notifiers: Readonly<Record<string, NotifierDefinition>>;
  /** Names of those that are there but have a fault. */
  readonly broken: ReadonlySet<string>;
  /** False where the file as a whole could not be read: then no name is known. */
  readonly isReadable: boolean;
  readonly faults: readonly Fault[];
  /** Where the value at a path stands, as `["team", "password"]`. */
  place(path: DocumentPath): SourcePlace;
}

export const NO_NOTIFIERS: ParsedNotifiers = {
  notifiers: {},
  broken: new Set(),
  isReadable: true,
  faults: [],
  place: () => ({ file: NOTIFIERS_FILE }),
};

const fileSchema = v.record(nameSchema("notifier"), v.looseObject({ type: v.string() }));

/** Reads the text of notifiers.yaml. Never throws for what a user wrote. */
export function parseNotifiers(text: string, file = NOTIFIERS_FILE): ParsedNotifiers {
  const document = parseYamlDocument(text, file);
  const { value } = document;
  if (value === undefined) return { ...NO_NOTIFIERS, isReadable: false, faults: document.faults };
  const { $schema: _schema, ...entries } = isRecord(value) ? value : {};
  const checked = checkSchema(fileSchema, isRecord(value) ? entries : value);
  const all: SchemaFault[] = "faults" in checked ? [...checked.faults] : [];
  const broken = new Set(all.flatMap(({ path: [name] }) => name === undefined ? [] : [String(name)]));
  // Of faults that are not told nobody knows whose they are.
  if (all.length > 0 && (broken.size === 0 || isCut(all))) {
    return { ...NO_NOTIFIERS, isReadable: false, faults: placed(document, all) };
  }
  const notifiers: Record<string, NotifierDefinition> = {};
  for (const [name, entry] of Object.entries(entries)) {
    if (broken.has(name) || !isRecord(entry)) continue;
    const { type } = entry;
    const found = faultsOf(name, entry);
    if (found.length === 0 && isNotifierType(type)) notifiers[name] = { ...entry, type };
    else {
      broken.add(name);
      all.push(...found);
    }
  }
  const place = document.valuePlace;
  return { notifiers, broken, isReadable: true, faults: placed(document, all), place };
}

function placed(document: YamlDocument, found: readonly SchemaFault[]): Fault[] {
  const shown = boundFaults<SchemaFault & { readonly severity: "error" | "warning" }>(
    found.map((fault) => ({ ...fault, severity: "error" as const })),
    (message, severity) => ({ path: [], at: "key", message, severity, kind: "shape", input: undefined }),
  );
  return shown.map(({ path, at, message, severity }) => ({
    ...(at === "key" ? document.place(path) : document.valuePlace(path)),
    message,
    severity,
  }));
}

function faultsOf(name: string, entry: Record<string, unknown>): SchemaFault[] {
  const { type } = entry;
  if (!isNotifierType(type)) {
    const hint = didYouMean(String(type), NOTIFIER_TYPES) || `; known are ${listWords(NOTIFIER_TYPES)}`;
    const message = `${name}.type: unknown type of notifier "${type}"${hint}`;
    return [{ path: [name, "type"], at: "value", message, kind: "shape", input: type }];
  }
  const references = textFaults(name, entry, (text) => {
    try {
      parseReferences(text);
      return undefined;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return error.message;
    }
  });
  if (references.length > 0) return references;
  const checked = checkSchema<unknown>(notifierSchemas[type], entry, [name]);
  const faults = "faults" in checked
    ? checked.faults.filter(({ kind, input }) => !(kind === "format" && isStillOpen(input)))
    : [];
  return [...faults, ...templateFaults(name, entry)];
}

/** A place that nothing is ever put into is a mistake. */
function templateFaults(name: string, { title, text, json, form }: Record<string, unknown>): SchemaFault[] {
  const against = (places: readonly string[]) => (written: string) => {
    const unknown = placesIn(written).find((place) => !places.includes(place));
    if (unknown === undefined) return undefined;
    const hint = didYouMean(unknown, places) || `; known are ${listWords(places)}`;
    return `{{${unknown}}} is nothing that a template can have${hint}`;
  };
  return [
    ...textFaults(name, { title, text }, against(EVENT_PLACES)),
    ...textFaults(name, { json, form }, against(BODY_PLACES)),
  ];
}

function textFaults(
  name: string,
  value: unknown,
  faultOf: (text: string) => string | undefined,
): SchemaFault[] {
  const faults: SchemaFault[] = [];
  visitTexts(value, (text, inner) => {
    const fault = faultOf(text);
    if (fault === undefined) return;
    const path = [name, ...inner];
    faults.push({ path, at: "value", message: `${path.join(".")}: ${fault}`, kind: "format", input: text });
  });
  return faults;
}

function isStillOpen(value: unknown): boolean {
  let found = false;
  visitTexts(value, (text) => {
    found ||= hasReference(text);
  });
  return found;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
