/** What templates of notifiers may name, beside `to` and `from` of an sms. */
export const EVENT_PLACES = [
  "pipeline",
  "event",
  "of",
  "run",
  "at",
  "message",
  "count",
  "attempt",
  "trigger",
  "duration",
  "rows_extracted",
  "rows_loaded",
  "url",
] as const;

/** What the templates of a body may name: those of the first event, and these of the whole message. */
export const BODY_PLACES = [
  ...EVENT_PLACES,
  "title",
  "text",
  "id",
  "events",
  "repeated",
  "to",
  "from",
] as const;
