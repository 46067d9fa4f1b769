import { nameFault } from "../../../contract/names.ts";
import type { AdmissionContext, ProvidedPerson } from "./admission.ts";

const LONGEST = 90;
const MOST_NUMBERED = 50;

/**
 * A name for a new user that is nobody's: as the provider calls them, with a number behind it where that is taken. A
 * pipeline's owner is named, too: whoever could choose that name would own the pipeline. Nor is it another's address of
 * mail: people sign in by theirs, and a name is meant before an address.
 */
export async function freeName(
  { people, owners }: AdmissionContext,
  { name, verifiedEmail, subject }: ProvidedPerson,
): Promise<string> {
  const base = [name, verifiedEmail, subject].map(asName).find((text) => text !== undefined) ?? "user";
  const owned = new Set([...await owners()].map((owner) => owner.toLowerCase()));
  const isFree = async (candidate: string) =>
    nameFault("user", candidate) === undefined && !owned.has(candidate.toLowerCase()) &&
    await people.users.find(candidate) === undefined &&
    await people.users.findByEmail(candidate) === undefined;
  if (await isFree(base)) return base;
  for (let number = 2; number <= MOST_NUMBERED; number++) {
    const candidate = `${base}-${number}`;
    if (await isFree(candidate)) return candidate;
  }
  return `${base.slice(0, 50)}-${crypto.randomUUID()}`;
}

/** The text with what a name may not have replaced; undefined where nothing would be left of it. */
function asName(text: string | undefined): string | undefined {
  const kept = text?.normalize("NFKD").replaceAll(/\p{M}/gu, "").replaceAll(/[^A-Za-z0-9._@+-]+/g, "-")
    .replace(/^[^A-Za-z0-9_]+/, "").replace(/-+$/, "").slice(0, LONGEST);
  return kept === undefined || !/[A-Za-z0-9]/.test(kept) ? undefined : kept;
}
