import { createHash, createHmac, randomBytes } from "node:crypto";
import type { AuditValue } from "../../../contract/audit/entry.ts";
import { difference } from "./differences.ts";
import { toAppError } from "../../../contract/errors.ts";
import type { ReadableRevision } from "../../../contract/revision.ts";
import type { Store } from "../../store/store.ts";

/** What is in force, as the log tells definitions apart. */
export interface Definitions {
  /** The revision in force of each pipeline; null of one that has none. */
  inForce(): Promise<ReadonlyMap<string, string | null>>;
  /** What differs between two revisions: the keys of the definition, and the files by the hash of their content. */
  difference(
    before: string | null | undefined,
    after: string | null | undefined,
  ): Promise<{ readonly before: AuditValue; readonly after: AuditValue }>;
  /** The same for several pipelines, by name. */
  differences(
    names: readonly string[],
    before: ReadonlyMap<string, string | null>,
    after: ReadonlyMap<string, string | null>,
  ): Promise<{ readonly before: AuditValue; readonly after: AuditValue }>;
}

export function storedDefinitions(
  { pipelines, revisions }: Pick<Store, "pipelines" | "revisions">,
): Definitions {
  const factsOf = async (id: string | null | undefined, marks: Marks): Promise<AuditValue> => {
    const found = id === null || id === undefined ? undefined : await revisions.get(id);
    if (found === undefined) return null;
    const { revision } = found;
    const connectors = await revisions.connectors(revision.id).catch((error) => unopened(revision, error));
    return factsOfRevision(revision, connectors, marks);
  };
  const differenceOf = async (before: string | null | undefined, after: string | null | undefined) => {
    const marks = createMarks();
    return difference(await factsOf(before, marks), await factsOf(after, marks));
  };
  return {
    inForce: async () => new Map((await pipelines.list()).map(({ name, revision }) => [name, revision])),
    difference: differenceOf,
    async differences(names, before, after) {
      const parts = await Promise.all(
        names.map(async (name) => [name, await differenceOf(before.get(name), after.get(name))] as const),
      );
      return {
        before: Object.fromEntries(parts.map(([name, part]) => [name, part.before])),
        after: Object.fromEntries(parts.map(([name, part]) => [name, part.after])),
      };
    },
  };
}

/** Keys of the definition, `file <path>` and `connector <name>`: each is a fact of its own, so that what differs shows. */
function factsOfRevision(
  { id, gitCommit, definition, files }: ReadableRevision,
  connectors: Readonly<Record<string, unknown>>,
  marks: Marks,
): AuditValue {
  const named = Object.entries(connectors).map(([name, one]) => [`connector ${name}`, marks(one)]);
  return {
    revision: id,
    ...(gitCommit === undefined ? {} : { git_commit: gitCommit }),
    ...jsonOf(definition),
    ...Object.fromEntries(files.map(({ path, content }) => [`file ${path}`, `sha256 ${hashOf(content)}`])),
    ...Object.fromEntries(named),
  };
}

/** Tells values apart within one difference. */
type Marks = (value: unknown) => string;

/** A plain hash would let whoever reads the log try passwords on it. */
function createMarks(): Marks {
  const key = randomBytes(32);
  return (value) =>
    `mark ${createHmac("sha256", key).update(JSON.stringify(value)).digest("hex").slice(0, 16)}`;
}

/** An entry that cannot be opened is in the log all the same. */
function unopened({ connectors }: ReadableRevision, error: unknown): Readonly<Record<string, unknown>> {
  const { message } = toAppError(error);
  return Object.fromEntries(Object.entries(connectors).map(([name, head]) => [name, [head, message]]));
}

/** A definition as JSON has it. */
function jsonOf(definition: ReadableRevision["definition"]): Readonly<Record<string, AuditValue>> {
  return JSON.parse(JSON.stringify(definition));
}

const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");
