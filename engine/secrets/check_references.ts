import { toAppError } from "../../contract/errors.ts";
import type { NamedPlace } from "./named_secrets.ts";
import { type Reference, referencesIn, referenceText, visitTexts } from "./references.ts";
import { missingReferences, reader, type ReferenceSources } from "./resolve.ts";
import { PLACEHOLDER } from "./secret_store.ts";

/** Whether a reference has a value now, and where from; the value is not in it. */
export interface ReferenceCheck {
  /** `connector shop`. */
  readonly used_by: string;
  /** The key that has it, as `auth.token`. */
  readonly key: string;
  readonly reference: string;
  /** `leased`: its store was asked, and makes the credentials only when something connects. */
  readonly state: "ok" | "leased" | "failed";
  /** The store, as `Vault`; null where there is no value. */
  readonly from: string | null;
  /** What is wrong and what to do; null where nothing is. */
  readonly message: string | null;
}

/** What has references. */
export interface ReferenceHolder {
  readonly kind: "connector" | "notifier";
  readonly name: string;
  readonly definition: { readonly type: string; readonly [key: string]: unknown };
}

const STORES = {
  env: "the environment",
  vault: "Vault",
  "aws-sm": "AWS Secrets Manager",
  "aws-ssm": "AWS Systems Manager",
  cmd: "a command",
} as const;

/** In the order in which they are written. Never throws for what a store says. */
export async function checkReferences(
  holders: readonly ReferenceHolder[],
  sources: ReferenceSources,
  places: readonly NamedPlace[],
): Promise<ReferenceCheck[]> {
  const checked = await Promise.all(holders.map(async ({ kind, name, definition }) => {
    const found: { readonly key: string; readonly reference: Reference }[] = [];
    const { type: _type, ...keys } = definition;
    visitTexts(keys, (text, path) => {
      for (const reference of referencesIn(text)) found.push({ key: path.join("."), reference });
    });
    const missed = await missingReferences(name, definition, sources, kind);
    const read = reader(sources, {});
    return await Promise.all(found.map(async ({ key, reference }): Promise<ReferenceCheck> => {
      const common = { used_by: `${kind} ${name}`, key, reference: referenceText(reference) };
      const missing = missed.find((one) =>
        one.path.join(".") === key && referenceText(one.reference) === common.reference
      );
      if (missing !== undefined) return { ...common, state: "failed", from: null, message: missing.message };
      try {
        const isLeased = await read(reference) === PLACEHOLDER;
        const from = await placeOf(reference, places);
        return { ...common, state: isLeased ? "leased" : "ok", from, message: null };
      } catch (error) {
        return { ...common, state: "failed", from: null, message: toAppError(error).message };
      }
    }));
  }));
  return checked.flat();
}

async function placeOf({ kind, name }: Reference, places: readonly NamedPlace[]): Promise<string> {
  if (kind !== "secret") return STORES[kind];
  for (const { place, secrets } of places) if (await secrets.get(name) !== undefined) return place;
  return "nowhere";
}
