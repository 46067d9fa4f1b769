import type { FileCache, FileText, FolderEntry } from "../read_files.ts";
import type { Fault } from "../../../text/fault.ts";

/** What is other than it was. Paths are relative to the project, with `/`. */
export interface LiveChange {
  /** Files and folders that were written, added or removed. */
  readonly changed?: readonly string[];
  /** Texts that are not saved yet, in the place of the files; null where the file counts again. */
  readonly unsaved?: ReadonlyMap<string, string | null>;
}

/** The files of a project as they are read: once, and again where they have changed. */
export class LiveFiles implements FileCache {
  readonly texts = new Map<string, FileText | undefined>();
  readonly folders = new Map<string, readonly FolderEntry[] | { readonly fault: Fault } | undefined>();
  readonly unsaved = new Map<string, string>();

  /** Returns the paths whose texts may be others now. */
  take({ changed = [], unsaved = new Map() }: LiveChange): Set<string> {
    const touched = new Set<string>();
    for (const [path, text] of unsaved) {
      if ((this.unsaved.get(path) ?? null) === text) continue;
      if (text === null) this.unsaved.delete(path);
      else this.unsaved.set(path, text);
      this.#forget(path, { isKnown: text !== null && this.texts.get(path) !== undefined });
      touched.add(path);
    }
    for (const path of changed) {
      if (!this.unsaved.has(path)) touched.add(path);
      this.#forget(path, { isKnown: false });
    }
    return touched;
  }

  /** `isKnown`: its folders list it already. */
  #forget(path: string, { isKnown }: { readonly isKnown: boolean }): void {
    this.texts.delete(path);
    if (isKnown) return;
    const below = `${path}/`;
    for (const known of this.texts.keys()) if (known.startsWith(below)) this.texts.delete(known);
    for (const known of this.folders.keys()) {
      if (known === path || known.startsWith(below) || path.startsWith(`${known}/`)) {
        this.folders.delete(known);
      }
    }
  }
}
