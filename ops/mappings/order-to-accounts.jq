# An order as rows of a file for the accounts: one for each of its lines.

. as $order |
[
  .lines[] | {
    order: $order.identifier,
    placed: $order.placed_at[0:10],
    line: .number,
    sku,
    quantity,
    total,
    currency: $order.currency
  }
]
