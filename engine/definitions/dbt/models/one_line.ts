/** A description, which a header has on one line. */
export const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();
