/**
 * Values that have no type of Arrow's travel as PostgreSQL's text, and the server, the database and the
 * user may each have settings that change it. Here is one value for all of them, so that the same value
 * is the same text whoever reads or writes it: times in UTC and ISO's order, intervals in words, floats
 * with all their digits, bytes in hexadecimal or base64 (within XML), names of tables with quotes where
 * needed only. `lc_monetary` is left alone: it says how many digits money has, and money goes as a number.
 */
export const TEXT_SETTINGS: Readonly<Record<string, string>> = {
  TimeZone: "UTC",
  DateStyle: "ISO, YMD",
  IntervalStyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
  array_nulls: "on",
  xmlbinary: "base64",
  xmloption: "content",
  quote_all_identifiers: "off",
  standard_conforming_strings: "on",
};

/** The statements that make these settings until the transaction ends. */
export const setLocal = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries(settings).map(([name, value]) => `SET LOCAL ${name} = '${value}'`);
