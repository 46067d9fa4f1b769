/** A sealed text in its place. */
export interface SealedText {
  /** Which one it is among those of its kind. */
  readonly id: string;
  /** What it was sealed for, as Sealer takes it. */
  readonly place: string;
  readonly sealed: string;
}

/** A text that was sealed anew. */
export interface Resealed {
  readonly id: string;
  readonly before: string;
  readonly after: string;
}

/** Where sealed texts of one kind are kept: whoever keeps some tells of them here, and rotation finds them. */
export interface SealedPlaces {
  /** As people are told of it: `secrets`. */
  readonly kind: string;
  /** What does not open is written again when the project's files are applied; anything else has to be set again. */
  readonly isApplied?: boolean;
  /** Most of it is kept for what is over: whatever is wanted of it says so by itself. */
  readonly isHistory?: boolean;
  /** Those after `after`, in order of their ids, at most `limit`. */
  list(
    range: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<readonly SealedText[]>;
  /**
   * In one transaction; returns how many were replaced. One that is not `before` any more was changed or removed
   * meanwhile, and is left as it is.
   */
  replace(changes: readonly Resealed[]): Promise<number>;
}
