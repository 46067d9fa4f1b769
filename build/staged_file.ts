/** A file of the archive. `path` is relative, with `/`. */
export interface StagedFile {
  readonly path: string;
  readonly content: Uint8Array;
  readonly isExecutable: boolean;
}
