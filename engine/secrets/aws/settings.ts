/** What both clients are made with; the rest is where Amazon's programs find it: credentials, endpoints, the profile. */
export interface AwsSettings {
  /** Undefined: as AWS_REGION, AWS_DEFAULT_REGION or the profile says. */
  readonly region: string | undefined;
  /** The names that projects may ask for, * for any text; undefined: all that the server itself may have. */
  readonly namesAllow: readonly string[] | undefined;
}

/** An ARN names its region itself. */
export const regionOf = (name: string, { region }: AwsSettings): string | undefined =>
  /^arn:[^:]*:[^:]*:([a-z0-9-]+):/.exec(name)?.[1] ?? region;

export const CLIENT_OPTIONS = {
  maxAttempts: 4,
  requestHandler: { connectionTimeout: 5_000, requestTimeout: 10_000 },
} as const;
