import { Fact } from "../facts.tsx";
import { stepAnchor } from "./step_names.tsx";

/** The steps that one waits for, each a link to its row; nothing where it waits for none. */
export function DependsFact({ depends }: { depends: readonly string[] }) {
  if (depends.length === 0) return null;
  return (
    <Fact name="After">
      {depends.map((name) => <a class="tag" href={`#${stepAnchor(name)}`}>{name}</a>)}
    </Fact>
  );
}
