/**
 * Data keys seal the texts. The store has them wrapped: sealed themselves by the root key, which the store does not have.
 */
export interface DataKeyRecord {
  /** 8 hexadecimal digits. */
  readonly id: string;
  /** The wrapped key, with the id of the root key that opens it as its second part: `wk1.<root key>.<text>`. */
  readonly wrapped: string;
  /** Of all at most one seals; the others open what they have sealed. */
  readonly isCurrent: boolean;
  readonly createdAtMs: number;
  readonly retiredAtMs: number | null;
}

/**
 * The data keys of a store, which several servers may share. None is ever removed: what it has sealed opens, wherever it
 * comes from.
 */
export interface DataKeyStore {
  /** The current one first. */
  list(): Promise<DataKeyRecord[]>;
  /**
   * Makes it the current one in the place of `before`, null where there is none; false where another is current by now,
   * and then nothing has changed.
   */
  begin(
    key: Pick<DataKeyRecord, "id" | "wrapped">,
    before: string | null,
    nowMs: number,
  ): Promise<boolean>;
  /**
   * Wraps keys in another way, all of them or none; false where the store has other keys by now than `known`, and then
   * nothing has changed.
   */
  rewrap(
    known: readonly DataKeyRecord[],
    changes: readonly Pick<DataKeyRecord, "id" | "wrapped">[],
  ): Promise<boolean>;
}
