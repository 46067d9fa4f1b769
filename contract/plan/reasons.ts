/** The reason of an error about a revision that a plan is to compare with, and there is none of that id. */
export const UNKNOWN_REVISION = "unknown_revision";
