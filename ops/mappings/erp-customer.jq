# A customer of the legacy ERP as a canonical customer profile.

# An empty text says nothing.
def said: if . == "" then null else . end;

# Recipients are whole names in the ERP: the last word is the last name.
def first_name: (. / " ") as $words | if ($words | length) > 1 then $words[:-1] | join(" ") else null end;
def last_name: (. / " ")[-1];

.number as $number | .name as $company |
{
  number,
  name,
  group: (.group | said),
  vat_number: (.vat_number | said),
  blocked: (.blocked // false),
  notes: (.notes | said),
  contacts: ((.contacts // []) | map({
    # The ERP counts contacts per customer.
    id: "\($number)/\(.id)",
    first_name,
    last_name,
    email,
    phone: (.phone | said),
    role: (.role | said)
  })),
  addresses: ((.addresses // []) | map({
    code,
    kinds: [.kind],
    company: $company,
    first_name: (.contact_name | if . then first_name else null end),
    last_name: (.contact_name | if . then last_name else null end),
    street,
    street2: (.street2 | said),
    city,
    postcode: (.postcode | said),
    region: (.region | said),
    country
  }))
}
