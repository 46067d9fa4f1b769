/** A secret as its store has it: one text, or several under names of their own. */
export type Secret = string | SecretDocument;

/** Texts that belong together, as a user and its password. */
export interface SecretDocument {
  readonly fields: Readonly<Record<string, string>>;
  /** For so long, in milliseconds, they are certainly the right ones; undefined: nobody knows. */
  readonly freshForMs?: number | undefined;
  /** Of credentials that the store made for whoever asked, and takes back. */
  readonly lease?: SecretLease;
  /** It was not asked for: whoever asked wanted no credentials to be made. Any field of it is a placeholder. */
  readonly isPlaceholder?: true;
}

/** Until when credentials are good. */
export interface SecretLease {
  readonly id: string;
  /** From now, in milliseconds. */
  readonly ttlMs: number;
  readonly isRenewable: boolean;
  /** When it ends whatever becomes of it, in epoch milliseconds, once that is known; undefined: not known. */
  readonly endsAnyway?: () => number | undefined;
}

/** How a secret is asked for. */
export interface SecretAsk {
  /** One of its versions; the last by default. */
  readonly version?: string | undefined;
  /** The version with a label of AWS Secrets Manager, as AWSPREVIOUS. */
  readonly stage?: string | undefined;
  /** Whether credentials may be made for whoever asks; else there is a placeholder for them. */
  readonly mayLease?: boolean | undefined;
  /** Whether it is asked for anew, whatever was known a moment ago. */
  readonly isAfresh?: boolean | undefined;
}

/** Where secrets come from. */
export interface SecretStore {
  /**
   * `undefined` where it has none of that name. Throws `unavailable` or `timeout` where it cannot be asked, `forbidden` or
   * `unauthorized` where it does not let this server have it, `invalid` for a name that it cannot have. No error has a
   * value in it.
   */
  get(name: string, ask?: SecretAsk): Promise<Secret | undefined>;
  /** What is known of the name is asked for anew by the next one. */
  forget?(name: string): void;
}

/** Leases of a store. */
export interface LeaseOffice {
  /** Which store it is, as its address: a lease is known to no other. */
  readonly place: string;
  /** The lease as it goes on. Throws `not_found` where it has ended, and as `get` does. */
  renew(id: string): Promise<Pick<SecretLease, "ttlMs" | "isRenewable">>;
  /** It is over when this returns, or was before. Throws as `get` does. */
  revoke(id: string): Promise<void>;
}

/** Stands for each field of credentials that are not made before they are needed. */
export const PLACEHOLDER = "sluice-leased-credential";

/** Any field of it is `PLACEHOLDER`. */
export const PLACEHOLDER_DOCUMENT: SecretDocument = { fields: {}, isPlaceholder: true };
