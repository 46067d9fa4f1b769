import { Icon, type IconName } from "./icons.tsx";

/** A button that posts one form and nothing else. */
export function ActionForm(
  { action, icon, label, kind, title }: ActionFormProps,
) {
  return (
    <form class="action" method="post" action={action}>
      <button
        class={`button ${kind ?? ""}`}
        type="submit"
        {...(title === undefined ? {} : { "aria-label": title })}
      >
        <Icon name={icon} />
        <span>{label}</span>
      </button>
    </form>
  );
}

interface ActionFormProps {
  readonly action: string;
  readonly icon: IconName;
  readonly label: string;
  readonly kind?: "primary" | "danger" | "quiet";
  /** The label with its object, for those who hear the buttons one after the other. */
  readonly title?: string;
}
