/** A secret of the control store. */
export interface SecretRecord {
  readonly name: string;
  /** By the key ring, for the place `secretPlace(name)`. */
  readonly sealed: string;
  readonly createdAtMs: number;
  readonly createdBy: string | null;
  readonly changedAtMs: number;
  readonly changedBy: string | null;
}

/** The secrets of the control store, which are sealed before they come here. */
export interface SecretRecords {
  /** By name, without what is sealed. */
  list(): Promise<Omit<SecretRecord, "sealed">[]>;
  find(name: string): Promise<SecretRecord | undefined>;
  /** Makes it or replaces it. */
  put(secret: Pick<SecretRecord, "name" | "sealed">, by: string, nowMs: number): Promise<void>;
  /** False where there is none. */
  remove(name: string): Promise<boolean>;
}

/** What a secret's seal is bound to. */
export const secretPlace = (name: string): string => `secret/${name}`;
