/** A sealed text in its place. */
export interface SealedText {
  /** Which one it is among those of its kind. */
  readonly id: string;
  /** What it was sealed for, as Sealer takes it. */
  readonly place: string;
  readonly sealed: string;
}

/** Where sealed texts of one kind are kept: whoever keeps some tells of them here, and rotation finds them. */
export interface SealedPlaces {
  /** As people are told of it: `secrets`. */
  readonly kind: string;
  /** Those after `after`, in order of their ids, at most `limit`. */
  list(
    range: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<readonly SealedText[]>;
  /** False where it is not `before` any more: it was changed or removed meanwhile, and is left as it is. */
  replace(id: string, before: string, after: string): Promise<boolean>;
}
