/** A square of a QR code after the other, row by row: true is dark. */
export type QrSquares = readonly (readonly boolean[])[];

/** Light around it, which scanners need. */
const BORDER = 4;

/** A QR code as a drawing within the page: no address has its text. */
export function QrCode({ squares, label }: { readonly squares: QrSquares; readonly label: string }) {
  const size = squares.length + 2 * BORDER;
  const path = squares.flatMap((row, y) =>
    row.map((isDark, x) => isDark ? `M${x + BORDER} ${y + BORDER}h1v1h-1z` : "")
  ).join("");
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={label}
      shape-rendering="crispEdges"
    >
      <rect class="qr-light" width={size} height={size} />
      <path class="qr-dark" d={path} />
    </svg>
  );
}

/** The squares of a text, without the light around them. */
export async function qrSquares(text: string): Promise<QrSquares> {
  const { encode } = await import("uqr");
  return encode(text, { border: 0 }).data;
}
