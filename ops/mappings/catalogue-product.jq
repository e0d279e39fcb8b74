# A row of the catalogue as a canonical product. Every column is a text.

# An empty column says nothing.
def said: if . == "" then null else . end;

{
  sku,
  name,
  description: (.description | said),
  unit: (.unit | said),
  status: ((.status | said) // "enabled"),
  weight_kg: (.weight_kg | said),
  length_cm: (.length_cm | said),
  width_cm: (.width_cm | said),
  height_cm: (.height_cm | said),
  barcode: (.barcode | said),
  category: (.category | said),
  brand: (.brand | said),
  country_of_origin: (.country_of_origin | said),
  price: (if .price == "" then null else {amount: .price, currency: .currency} end)
}
