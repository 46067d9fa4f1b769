/** The codes, which are shown this once. */
export function RecoveryCodes({ codes }: { readonly codes: readonly string[] }) {
  return (
    <>
      <p class="muted">
        Each signs you in once, in place of the app or the passkey. Keep them where you find them without your
        phone: they are not shown again.
      </p>
      <ol class="recovery-codes" aria-label="Recovery codes">
        {codes.map((code) => (
          <li>
            <code>{code}</code>
          </li>
        ))}
      </ol>
    </>
  );
}
