# The legacy ERP's prices of one article on one list as a canonical part: the article's own price, and
# its scale, which has a price from each quantity on.

def price($from; $value):
  {quantity: ($from | tostring), unit: (.unit | ascii_downcase), value: ($value | tostring), currency};

{
  sku: .article,
  list: (.list // "retail"),
  prices: (
    [if .price == null then empty else price(1; .price) end]
    + [. as $row | .scale[]? | . as $step | $row | price($step.from; $step.price)]
  ),
  extensions: (if .valid_from then {erp: {valid_from}} else {} end)
}
