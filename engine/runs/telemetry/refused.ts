/** The receiver will never take what it was sent: another try would be the same. */
export class TelemetryRefused extends Error {
  override readonly name = "TelemetryRefused";
}
