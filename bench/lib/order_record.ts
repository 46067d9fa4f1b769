/** A record of 8 fields, as an API or a tap gives them. */
export const orderRecord = (id: number) => ({
  id,
  customer: `customer ${(id * 7919) % 50_000}`,
  amount: (id * 7919) % 1_000_000 / 100,
  ordered_at: new Date(1_700_000_000_000 + id * 1000).toISOString(),
  state: ["new", "paid", "sent"][id % 3],
  is_gift: id % 7 === 0,
  items: id % 11,
  note: `a note of some length about order ${id}`,
});
