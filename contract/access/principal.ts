/** Who asks. */
export interface Principal {
  /** The user's id. */
  readonly id: string;
  /** As runs and the audit log show it. */
  readonly name: string;
  /** A person signs in; a service has tokens alone. */
  readonly kind: PrincipalKind;
  /** By what the request was let in. */
  readonly via: SignInMethod;
  /** The token that the request came with. */
  readonly tokenId?: string;
  /** The session that the request belongs to. */
  readonly sessionId?: string;
  /** Where the request came from. */
  readonly address?: string;
}

export const PRINCIPAL_KINDS = ["person", "service"] as const;
export type PrincipalKind = (typeof PRINCIPAL_KINDS)[number];

export const SIGN_IN_METHODS = ["token", "session"] as const;
export type SignInMethod = (typeof SIGN_IN_METHODS)[number];
