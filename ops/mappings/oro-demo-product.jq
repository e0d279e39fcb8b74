# A row of OroCommerce's demo catalogue as a canonical product: HTML and several lines in one column,
# empty prices.

# An empty column says nothing.
def said: if . == "" then null else . end;

{
  sku,
  name,
  description: ([.description, .information, .specifications] | map(select(. != null and . != "")) | join("\n\n") | said),
  unit: (.unit | said),
  category: (.category | said),
  price: (if .price == "" then null else {amount: .price, currency: "USD"} end)
}
