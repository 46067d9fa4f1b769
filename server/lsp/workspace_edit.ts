import type { Renamed } from "./names/rename.ts";
import { refuse } from "./names/rename.ts";
import type { ProjectSpace } from "./project_space.ts";
import type {
  Location,
  TextDocument,
  TextDocumentEdit,
  TextDocuments,
  TextEdit,
  WorkspaceEdit,
} from "./protocol.ts";
import type { FilePlace } from "./sql/define_sql.ts";

/** What an editor can do with the edits of a language server. */
export interface EditAbility {
  /** It takes them with the versions of their texts, and in an order. */
  readonly hasVersions: boolean;
  readonly renamesFiles: boolean;
}

export const NO_ABILITY: EditAbility = { hasVersions: false, renamesFiles: false };

export function editAbility(
  said:
    | { readonly documentChanges?: boolean; readonly resourceOperations?: readonly string[] }
    | undefined,
): EditAbility {
  const renamesFiles = said?.resourceOperations?.includes("rename") === true;
  // Neovim before 0.8 takes files, and does not say that it takes versions.
  return { hasVersions: said?.documentChanges === true || renamesFiles, renamesFiles };
}

/** The texts of a project: those that are open as the editor has them. */
export interface EditedTexts {
  readonly space: ProjectSpace;
  readonly documents: TextDocuments<TextDocument>;
  readonly documentOf: (uri: string, text: string) => TextDocument;
  readonly ability: EditAbility;
}

const openAt = ({ documents, space }: EditedTexts, path: string): TextDocument | undefined =>
  documents.all().find((document) => space.pathOf(document.uri) === path);

/** Texts by files, and behind them the files' own names. Throws `conflict` where the editor renames no files. */
export async function workspaceEdit(
  texts: EditedTexts,
  { edits, files }: Renamed,
): Promise<WorkspaceEdit> {
  const { space, documentOf, ability } = texts;
  if (files.length > 0 && !ability.renamesFiles) {
    throw refuse(
      `This editor renames no files for a language server, and ${files[0]?.from} has its model's name: ` +
        "see the manual for editors that do",
    );
  }
  const changes: TextDocumentEdit[] = [];
  for (const [path, own] of Map.groupBy(edits, (edit) => edit.path)) {
    const open = openAt(texts, path);
    const uri = open?.uri ?? space.uriOf(path);
    const document = open ?? documentOf(uri, await space.textOf(path) ?? "");
    changes.push({
      textDocument: { uri, version: open?.version ?? null },
      edits: own.map(({ start, end, text }) => ({
        range: { start: document.positionAt(start), end: document.positionAt(end) },
        newText: text,
      })),
    });
  }
  if (!ability.hasVersions) {
    return {
      changes: Object.fromEntries(changes.map((change) => [change.textDocument.uri, plainEdits(change)])),
    };
  }
  const renames = files.map(({ from, to }) => ({
    kind: "rename" as const,
    oldUri: openAt(texts, from)?.uri ?? space.uriOf(from),
    newUri: space.uriOf(to),
  }));
  return { documentChanges: [...changes, ...renames] };
}

/** None has annotations or snippets. */
const plainEdits = ({ edits }: TextDocumentEdit): TextEdit[] =>
  edits.flatMap((edit) => "newText" in edit ? [edit] : []);

/** Places of files as the protocol has them; those of files that cannot be read are left out. */
export async function locationsOf(texts: EditedTexts, places: readonly FilePlace[]): Promise<Location[]> {
  const { space, documentOf } = texts;
  const locations: Location[] = [];
  for (const place of places) {
    const uri = openAt(texts, place.path)?.uri ?? space.uriOf(place.path);
    if ("line" in place) {
      const start = { line: place.line - 1, character: place.column - 1 };
      locations.push({
        uri,
        range: { start, end: { ...start, character: start.character + place.length } },
      });
      continue;
    }
    const text = await space.textOf(place.path);
    if (text === undefined) continue;
    const document = documentOf(uri, text);
    const range = { start: document.positionAt(place.start), end: document.positionAt(place.end) };
    locations.push({ uri, range });
  }
  return locations;
}
