/**
 * Keeps short texts unreadable where they are stored: secrets of the control store, shared secrets of second factors,
 * and whatever else a copy of the store must not tell.
 */
export interface Sealer {
  /**
   * What to store. `place` says what it is and whose, as `secret/SHOP_URL`: it is bound to the text, so that one that is
   * put in another's place does not open. Throws `unavailable` where the key cannot be had.
   */
  seal(text: string, place: string): Promise<string>;
  /**
   * The text again. Throws `invalid` (reason wrong_key) where it was sealed by a key that is not here, and `invalid`
   * (reason damaged_seal) for what was changed or belongs to another place; both say what to do.
   */
  open(sealed: string, place: string): Promise<string>;
}

/** The reasons of errors about what does not open. */
export const WRONG_KEY = "wrong_key";
export const DAMAGED_SEAL = "damaged_seal";
