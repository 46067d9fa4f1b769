import { plainText } from "../plain_text.ts";

export interface ChoiceOption {
  readonly value: string;
  readonly label: string;
}

/** How far a search goes back. */
export const SINCE: readonly ChoiceOption[] = [
  { value: "", label: "All that is kept" },
  { value: "1h", label: "The last hour" },
  { value: "1d", label: "The last day" },
  { value: "7d", label: "The last 7 days" },
  { value: "30d", label: "The last 30 days" },
];

interface ChoiceProps {
  readonly name: string;
  readonly label: string;
  readonly options: readonly ChoiceOption[];
  readonly chosen: string;
}

/** One of some, in a search that is sent by GET. */
export function Choice({ name, label, options, chosen }: ChoiceProps) {
  // What came by an address and is in no list stays what it is.
  const all = options.some(({ value }) => value === chosen)
    ? options
    : [...options, { value: chosen, label: plainText(chosen) }];
  return (
    <select name={name} aria-label={label}>
      {all.map(({ value, label }) => <option value={value} selected={value === chosen}>{label}</option>)}
    </select>
  );
}
