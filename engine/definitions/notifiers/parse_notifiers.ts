import {
  isNotifierType,
  NOTIFIER_TYPES,
  type NotifierDefinition,
  notifierSchemas,
} from "../../../contract/alerts/notifiers.ts";
import { BODY_PLACES, EVENT_PLACES } from "../../../contract/alerts/templates.ts";
import { checkSchema, type SchemaFault } from "../../../text/schema_faults.ts";
import { didYouMean, listWords } from "../../../text/suggest.ts";
import { placesIn } from "../../../text/template.ts";
import {
  type NamedEntries,
  noEntries,
  parseNamedEntries,
  referenceFaults,
  settledFaults,
  textFaults,
} from "../named_entries.ts";

export const NOTIFIERS_FILE = "notifiers.yaml";

export interface ParsedNotifiers extends Omit<NamedEntries<NotifierDefinition>, "entries"> {
  /** Those without a fault, references not replaced. */
  readonly notifiers: Readonly<Record<string, NotifierDefinition>>;
}

const parsed = ({ entries, ...rest }: NamedEntries<NotifierDefinition>): ParsedNotifiers => (
  { notifiers: entries, ...rest }
);

export const NO_NOTIFIERS: ParsedNotifiers = parsed(noEntries(NOTIFIERS_FILE));

/** Reads the text of notifiers.yaml. Never throws for what a user wrote. */
export function parseNotifiers(text: string, file = NOTIFIERS_FILE): ParsedNotifiers {
  return parsed(parseNamedEntries<NotifierDefinition>(text, file, "notifier", (name, entry) => {
    const found = faultsOf(name, entry);
    const { type } = entry;
    return found.length === 0 && isNotifierType(type) ? { ...entry, type } : found;
  }));
}

function faultsOf(name: string, entry: Record<string, unknown>): SchemaFault[] {
  const { type } = entry;
  if (!isNotifierType(type)) {
    const hint = didYouMean(String(type), NOTIFIER_TYPES) || `; known are ${listWords(NOTIFIER_TYPES)}`;
    const message = `${name}.type: unknown type of notifier "${type}"${hint}`;
    return [{ path: [name, "type"], at: "value", message, kind: "shape", input: type }];
  }
  const references = referenceFaults(name, entry);
  if (references.length > 0) return references;
  const checked = checkSchema<unknown>(notifierSchemas[type], entry, [name]);
  const faults = "faults" in checked ? settledFaults(checked.faults) : [];
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
