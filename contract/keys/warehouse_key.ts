/** What opens an encrypted warehouse. It holds a secret: a process gets it over its stdin, and it is stored nowhere. */
export interface WarehouseKey {
  /** Base64 of 32 random bytes. */
  readonly key: string;
  /** DuckDB's httpfs extension, whose OpenSSL encrypts. Absolute. */
  readonly module: string;
}

/** What a warehouse's key is sealed for, as Sealer takes it. */
export const warehouseKeyPlace = (pipeline: string): string => `warehouse/${pipeline}`;

/** The keys of encrypted warehouses, sealed. Several servers with a warehouse each of one pipeline share its key. */
export interface WarehouseKeyStore {
  /** Undefined where the pipeline has none. */
  get(pipeline: string): Promise<string | undefined>;
  /** Keeps it where there is none yet; returns the one that is there then. */
  put(pipeline: string, sealed: string, nowMs: number): Promise<string>;
  /** The pipelines that have one, by name. */
  pipelines(): Promise<readonly string[]>;
  remove(pipeline: string): Promise<void>;
}
