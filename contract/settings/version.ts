/** The program's version, as `sluice version`, /healthz and the lock of a data folder say it. */
export const VERSION = "0.1.0";
