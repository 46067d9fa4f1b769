/** Access tokens that are had for a refresh token, which its server may replace by a new one each time. */

export interface AccessToken {
  readonly token: string;
  /** Not to be used from then on; milliseconds since 1970. */
  readonly untilMs: number;
}

export interface TokenRequest {
  /** Who gives them out, and for whom: one refresh token is good there alone. */
  readonly issuer: string;
  /** As it is configured: the first of all. */
  readonly refreshToken: string;
  /** An access token that the API did not take. */
  readonly refused?: string;
}

export interface RenewedToken {
  readonly access: AccessToken;
  /** The one to renew it by next time. */
  readonly refreshToken: string;
}
