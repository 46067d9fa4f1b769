/** What was looked at, and how it is. */
export interface DoctorCheck {
  readonly check: string;
  /** warning: it works, but not all of it, or not for long. */
  readonly state: "ok" | "warning" | "failed";
  readonly message: string;
}
